// Removing what is gone succeeds: a 404 of another service is an answer, not an error.
import { AppError } from '#core/errors'

export async function unlessAbsent<T>(asked: Promise<T>): Promise<T | undefined> {
  try {
    return await asked
  } catch (error) {
    if (error instanceof AppError && error.status === 404) return undefined
    throw error
  }
}
