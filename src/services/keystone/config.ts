// The options of keystone's section in the configuration, under upstream's names where it has them.

interface Option {
  readonly default: number
  readonly help: string
  readonly unit?: string
}

export const options = {
  token_expiration: { default: 3600, unit: 'seconds', help: 'How long a token is valid.' },
  allow_expired_window: { default: 172_800, unit: 'seconds', help: 'How long past its end a token may still be looked up with allow_expired by a service.' },
  delegation_expiration: { default: 1200, unit: 'seconds', help: 'How long a token is valid that a service asks for to act for a user.' },
  max_active_keys: { default: 3, help: 'How many fernet keys a rotation leaves: the staged one, the primary one and older ones.' },
  password_hash_rounds: { default: 12, help: 'The cost of bcrypt: each step up doubles the time of a log-in.' },
  password_hash_concurrency: { default: 2, help: 'How many passwords are hashed at once; the others wait.' },
  max_password_length: { default: 4096, unit: 'characters', help: 'A longer password is refused before it is hashed.' },
  lockout_failure_attempts: { default: 0, help: 'Failed log-ins in a row after which a user is locked out; 0 never locks.' },
  lockout_duration: { default: 1800, unit: 'seconds', help: 'How long a user stays locked out.' },
  password_expires_days: { default: 0, unit: 'days', help: 'How long a new password is valid; 0 is for ever.' },
  list_limit: { default: 0, help: 'The most that a list answers with; 0 is no limit.' },
} as const satisfies Readonly<Record<string, Option>>

export type Options = Readonly<Record<keyof typeof options, number>>

/** @throws Error for a value that is no whole number from 0 up */
export function readOptions(values: Readonly<Record<string, unknown>>): Options {
  const read = Object.entries(options).map(([name, option]) => {
    const value = values[name] ?? option.default
    if (typeof value !== 'number' || !Number.isInteger(value) || value < 0) throw new Error(`keystone.${name} must be a whole number from 0 up`)
    return [name, value]
  })
  return Object.fromEntries(read) as Options
}
