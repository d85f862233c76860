// The socket by which `nimbo` asks the cloud that runs: its status, its traces, what its auditors found. For whoever may open it.
import { request } from 'node:http'
import type { ApiReply, ApiRequest, Transport } from '#core/http'
import { AppError } from '#core/errors'
import { bootFlow, type Recorder } from '#core/trace'
import type { Doctor } from './doctor.ts'

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
  readonly doctor: Doctor
}

export function controlTransport({ trace, status, doctor }: ControlOptions): Transport {
  return async (asked) => {
    if (asked.path === '/audit' || asked.path.startsWith('/findings')) return diagnose(asked)
    if (asked.method !== 'GET') return answer(405, { error: 'only GET' })
    if (asked.path === '/status') return answer(200, status())
    if (asked.path === '/traces') {
      const heads = await trace.traces(Number(new URLSearchParams(asked.query).get('limit') ?? 100))
      return answer(200, heads.map((head) => viewHead(head)))
    }
    if (asked.path.startsWith('/traces/')) return showTrace(asked)
    return answer(404, { error: 'not found' })
  }

  async function diagnose({ method, path, query }: ApiRequest): Promise<ApiReply> {
    try {
      const id = /^\/findings\/([^/]+)\/repair$/.exec(path)?.[1]
      if (method === 'GET' && path === '/findings') return answer(200, await doctor.findings(new URLSearchParams(query).has('ended')))
      if (method === 'POST' && path === '/audit') return answer(200, await doctor.audit())
      if (method === 'POST' && id !== undefined) return answer(200, await doctor.repair(id))
      return answer(404, { error: 'not found' })
    } catch (error) {
      if (error instanceof AppError) return answer(error.status, { error: error.message })
      throw error
    }
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

const askSeconds = 5

/** Ask the running cloud. @returns undefined when nothing answers there, or it knows no such thing */
export async function askControl<T>(socketPath: string, path: string): Promise<T | undefined> {
  const { status, body } = await tellControl<T>(socketPath, 'GET', path, askSeconds)
  return status === 200 ? body : undefined
}

/** Have it do something. Status 0 when nothing answers there. */
export function tellControl<T>(socketPath: string, method: 'GET' | 'POST', path: string, timeoutSeconds: number): Promise<{ status: number; body?: T }> {
  return new Promise((resolve) => {
    const outgoing = request({ socketPath, path, method, timeout: timeoutSeconds * 1000 }, (reply) => {
      let text = ''
      reply.setEncoding('utf8').on('data', (chunk: string) => {
        text += chunk
      }).on('end', () => resolve({ status: reply.statusCode ?? 0, ...(reply.headers['content-type']?.includes('json') && { body: JSON.parse(text) as T }) }))
    })
    outgoing.on('error', () => resolve({ status: 0 }))
    outgoing.on('timeout', () => outgoing.destroy())
    outgoing.end()
  })
}
