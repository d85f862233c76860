// The socket by which `nimbo` asks the cloud that runs: its status and its traces. For whoever may open it.
import { request } from 'node:http'
import type { ApiReply, ApiRequest, Transport } from '#core/http'
import { bootFlow, type Recorder } from '#core/trace'

export interface TraceStep {
  readonly number: number
  readonly name: string
  readonly actor: string
  readonly outcome: string
  readonly started_at: string
  readonly duration_ms: number
  readonly attempt: number
  readonly detail?: string
}

export interface TraceView {
  readonly server: string
  readonly name: string
  readonly project: string
  readonly started_at: string
  readonly ended_at?: string
  readonly outcome?: string
  readonly steps?: readonly TraceStep[]
}

export interface ControlOptions {
  readonly trace: Recorder
  readonly status: () => Readonly<Record<string, unknown>>
}

export function controlTransport({ trace, status }: ControlOptions): Transport {
  return async (asked) => {
    if (asked.method !== 'GET') return answer(405, { error: 'only GET' })
    if (asked.path === '/status') return answer(200, status())
    if (asked.path === '/traces') {
      const heads = await trace.traces(Number(new URLSearchParams(asked.query).get('limit') ?? 100))
      return answer(200, heads.map((head) => viewHead(head)))
    }
    if (asked.path.startsWith('/traces/')) return showTrace(asked)
    return answer(404, { error: 'not found' })
  }

  async function showTrace(asked: ApiRequest): Promise<ApiReply> {
    const head = await trace.find(decodeURIComponent(asked.path.slice('/traces/'.length)))
    if (!head) return answer(404, { error: 'There is no trace of such a server.' })
    const spans = await trace.spans(head.traceId)
    const steps = spans.map((span): TraceStep => {
      const step = bootFlow[span.step - 1]
      return {
        number: span.step, name: step?.name ?? '', actor: `${step?.from ?? ''} → ${step?.to ?? ''}`, outcome: span.outcome,
        started_at: new Date(span.startedAt).toISOString(), duration_ms: Math.round(span.durationMs * 100) / 100, attempt: span.attempt,
        ...(span.detail !== undefined && { detail: span.detail }),
      }
    })
    steps.sort((a, b) => a.number - b.number || a.attempt - b.attempt || a.started_at.localeCompare(b.started_at))
    return answer(200, { ...viewHead(head), steps })
  }
}

function viewHead(head: Awaited<ReturnType<Recorder['traces']>>[number]): TraceView {
  return {
    server: head.serverId, name: head.name, project: head.projectId, started_at: new Date(head.startedAt).toISOString(),
    ...(head.endedAt !== undefined && { ended_at: new Date(head.endedAt).toISOString() }),
    ...(head.outcome !== undefined && { outcome: head.outcome }),
  }
}

function answer(status: number, body: unknown): ApiReply {
  return { status, headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) }
}

/** Ask the running cloud. @returns undefined when nothing answers there, or it knows no such thing */
export function askControl<T>(socketPath: string, path: string): Promise<T | undefined> {
  return new Promise((resolve) => {
    const outgoing = request({ socketPath, path, timeout: 5000 }, (reply) => {
      let text = ''
      reply.setEncoding('utf8').on('data', (chunk: string) => {
        text += chunk
      }).on('end', () => resolve(reply.statusCode === 200 ? (JSON.parse(text) as T) : undefined))
    })
    outgoing.on('error', () => resolve(undefined))
    outgoing.on('timeout', () => outgoing.destroy())
    outgoing.end()
  })
}
