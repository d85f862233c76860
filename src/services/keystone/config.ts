// What can be set about keystone, under upstream's names where it has them.
import { defineOptions, option, type Settings } from '#core/config'

export const keystoneOptions = defineOptions('keystone', {
  expiration: option.integer({ default: 3600, unit: 'seconds', minimum: 1, help: 'How long a token is valid.' }),
  allow_expired_window: option.integer({ default: 172_800, unit: 'seconds', minimum: 0, help: 'How long past its end a token may still be looked up with allow_expired by a service.' }),
  delegation_expiration: option.integer({ default: 1200, unit: 'seconds', minimum: 600, maximum: 1800, help: 'How long a token is valid that a service asks for to act for a user.' }),
  max_active_keys: option.integer({ default: 3, minimum: 2, help: 'How many fernet keys a rotation leaves: the staged one, the primary one and older ones.' }),
  password_hash_rounds: option.integer({ default: 12, minimum: 4, maximum: 31, help: 'The cost of bcrypt: each step up doubles the time of a log-in.' }),
  password_hash_concurrency: option.integer({ default: 2, minimum: 1, help: 'How many passwords are hashed at once; the others wait.' }),
  max_password_length: option.integer({ default: 4096, unit: 'characters', minimum: 1, maximum: 4096, help: 'A longer password is refused before it is hashed.' }),
  lockout_failure_attempts: option.integer({ default: 0, minimum: 0, help: 'Failed log-ins in a row after which a user is locked out; 0 never locks.' }),
  lockout_duration: option.integer({ default: 1800, unit: 'seconds', minimum: 0, help: 'How long a user stays locked out.' }),
  password_expires_days: option.integer({ default: 0, unit: 'days', minimum: 0, help: 'How long a new password is valid; 0 is for ever.' }),
  max_project_tree_depth: option.integer({ default: 5, minimum: 1, help: 'How many levels of projects a domain may have, itself counted.' }),
  list_limit: option.integer({ default: 0, minimum: 0, help: 'The most that a list answers with; 0 is no limit.' }),
})

export type Options = Settings<typeof keystoneOptions>
