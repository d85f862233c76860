// Whose password is checked next when many wait.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { systemRandom } from '#core/context'
import { createPasswords } from './passwords.ts'

test('whoever tries one name over and over holds up that name, not the others', async () => {
  const passwords = createPasswords({ rounds: 4, concurrency: 1, maxLength: 100 }, systemRandom)
  const stored = await passwords.hash('right')
  const finished: string[] = []
  const attempt = async (asked: string, password: string) => {
    const matches = await passwords.matches(password, stored, asked)
    finished.push(`${asked} ${matches}`)
  }
  await Promise.all([...Array.from({ length: 20 }, () => attempt('guessed', 'wrong')), attempt('owner', 'right')])
  assert.equal(finished.length, 21)
  assert.ok(finished.indexOf('owner true') <= 2, finished.join())
})
