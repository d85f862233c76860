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

test('what a service says of a failure is taken from any of the forms that OpenStack has for it', async () => {
  const said = (body: string) => client(routes, { name: 'test', origin: 'http://test', prefix: '', transport: async () => ({ status: 500, headers: {}, body }) }, {})
    .make({}).then(() => assert.fail('it was answered'), (error: unknown) => (error as Error).message)
  const forms = [
    { computeFault: { code: 500, message: 'No room.' } }, { errors: [{ status: 500, detail: 'No room.' }] }, { message: 'No room.<br /><br />\n\n\n', code: '500 Internal Server Error', title: 'Internal Server Error' },
  ]
  for (const form of forms) assert.equal(await said(JSON.stringify(form)), 'No room.')
  assert.equal(await said('<html>\n <head>\n  <title>503 No</title>\n </head>\n <body>\n  No room.<br />\n </body>\n</html>'), 'No room.')
  assert.equal(await said('{}'), 'test answered 500 to make.')
})
