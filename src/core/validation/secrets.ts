// Which fields of a request hold what nobody else may read.

/** Validation errors never repeat what stands in fields like these. */
const secret = /pass|secret|token|user_data|private_key/i

export function isSecret(field: string): boolean {
  return secret.test(field)
}
