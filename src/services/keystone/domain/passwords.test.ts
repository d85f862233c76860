// Whose password is checked next when many wait, and how much work a wrong one makes.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { systemRandom } from '#core/context'
import { createPasswords, hashSecret } from './passwords.ts'

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

test('a wrong password makes the same work for a person, a service and nobody, so that its time tells nothing', async () => {
  let slowHashes = 0
  const passwords = createPasswords({ rounds: 4, concurrency: 2, maxLength: 100 }, systemRandom, (work) => {
    slowHashes++
    return work
  })
  const secret = hashSecret('right', systemRandom.bytes(16))
  const stored = { person: await passwords.hash('right'), service: secret, nobody: undefined }
  const hashesOf = async (password: string, of: string | undefined) => {
    const before = slowHashes
    return [await passwords.matches(password, of, 'asked'), slowHashes - before]
  }
  await passwords.matches('first', undefined, 'asked')
  for (const [who, of] of Object.entries(stored)) assert.deepEqual(await hashesOf('wrong', of), [false, 1], who)
  assert.deepEqual([await hashesOf('right', stored.person), await hashesOf('right', secret)], [[true, 1], [true, 0]])
})

test('an empty password fits nothing, not even what was stored for one', async () => {
  const passwords = createPasswords({ rounds: 4, concurrency: 1, maxLength: 100 }, systemRandom)
  assert.equal(await passwords.matches('', await passwords.hash(''), 'asked'), false)
  assert.equal(await passwords.matches('', hashSecret('', systemRandom.bytes(16)), 'asked'), false)
})
