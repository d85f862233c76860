// The options of keystone's section in the configuration, under upstream's names where it has them.
import { defineOptions, option, type Settings } from '#core/config'

const whole = (value: number, help: string, unit?: string) => option.integer({ default: value, minimum: 0, help, ...(unit !== undefined && { unit }) })

export const keystoneOptions = defineOptions('keystone', {
  token_expiration: whole(3600, 'How long a token is valid.', 'seconds'),
  allow_expired_window: whole(172_800, 'How long past its end a token may still be looked up with allow_expired by a service.', 'seconds'),
  delegation_expiration: whole(1200, 'How long a token is valid that a service asks for to act for a user.', 'seconds'),
  max_active_keys: whole(3, 'How many fernet keys a rotation leaves: the staged one, the primary one and older ones.'),
  password_hash_rounds: whole(12, 'The cost of bcrypt: each step up doubles the time of a log-in.'),
  password_hash_concurrency: whole(2, 'How many passwords are hashed at once; the others wait.'),
  max_password_length: whole(4096, 'A longer password is refused before it is hashed.', 'characters'),
  lockout_failure_attempts: whole(0, 'Failed log-ins in a row after which a user is locked out; 0 never locks.'),
  lockout_duration: whole(1800, 'How long a user stays locked out.', 'seconds'),
  password_expires_days: whole(0, 'How long a new password is valid; 0 is for ever.', 'days'),
  list_limit: whole(0, 'The most that a list answers with; 0 is no limit.'),
})

export type Options = Settings<typeof keystoneOptions>
