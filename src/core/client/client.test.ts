// What a client makes of an answer that is none of those it waits for.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { AppError, TryAgainLater, willPass } from '#core/errors'
import { defineRoutes, Type } from '#core/spec'
import { client } from './client.ts'

const routes = defineRoutes('test', { make: { method: 'POST', path: '/things', policy: 'any', summary: 'Make a thing.', reply: { 201: Type.Object({}) }, faults: [503] } })

test('a service that says when to come again is asked again later by whatever operation asked; another failure is one', async () => {
  const asked = (headers: Record<string, string>) => client(routes, {
    name: 'test', origin: 'http://test', prefix: '', transport: async () => ({ status: 503, headers, body: JSON.stringify({ serviceUnavailable: { code: 503, message: 'No room.' } }) }),
  }, {}).make({}).then(() => assert.fail('it was answered'), (error: unknown) => error)
  const later = await asked({ 'Retry-After': '5' })
  assert.ok(later instanceof TryAgainLater && later.message === 'No room.' && willPass(later))
  const failed = await asked({})
  assert.ok(failed instanceof AppError && failed.status === 503 && !willPass(failed))
})
