// A reporter for node:test: counts leaves, and keeps what failed with its reason.
import type { TestEvent } from 'node:test/reporters'

export default async function* count(source: AsyncIterable<TestEvent>): AsyncGenerator<string> {
  const counts = { passed: 0, failed: 0, skipped: 0, failures: [] as string[] }
  for await (const event of source) {
    if (event.type !== 'test:pass' && event.type !== 'test:fail') continue
    const { data } = event
    if (data.details.type === 'suite') continue
    if (data.skip !== undefined) counts.skipped++
    else if (event.type === 'test:pass') counts.passed++
    else {
      counts.failed++
      const error = event.data.details.error as { cause?: { message?: string; stack?: string } | string; message?: string }
      const cause = typeof error.cause === 'object' ? (error.cause.stack ?? error.cause.message) : (error.cause ?? error.message)
      counts.failures.push(`✖ ${data.name} (${data.file ?? ''}:${data.line ?? ''})\n    ${String(cause).split('\n').slice(0, 12).join('\n    ')}`)
    }
  }
  yield JSON.stringify(counts)
}
