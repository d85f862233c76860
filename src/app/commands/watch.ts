// `nimbo watch`: every change of a state as it happens, and waiting for an operation to end.
import type { Readable } from 'node:stream'
import { type EventView, type OperationWithSteps, readSent } from '#core/events'
import { readText } from '#core/http'
import type { ServiceName } from '#core/service'
import { lineOf } from '../event-lines.ts'
import { logIn, type Person, reachOutside, RestError, type Session } from '../rest.ts'
import { readSettings } from '../settings.ts'
import { CommandError, jsonText, plain, print } from '../terminal.ts'
import { readSecrets } from './openrc.ts'

export interface WatchOptions {
  readonly directory: string
  readonly resource?: string
  /** Name or id; the project demo when neither this nor `all` is given. */
  readonly project?: string
  readonly all: boolean
  readonly json: boolean
  /** A cursor, or `oldest`. */
  readonly since?: string
  /** Wait for this operation instead. */
  readonly wait?: string
}

const pauseMilliseconds = 1000

/** Until Ctrl-C, or the operation's end. @returns the status to exit with */
export async function watch(options: WatchOptions): Promise<number> {
  const settings = readSettings(options.directory)
  if (!settings) throw new CommandError('There is no cloud yet: start one with `nimbo up`.')
  const secrets = readSecrets(options.directory)
  const asAdmin = options.all || options.project !== undefined || options.wait !== undefined
  const person: Person = asAdmin ? { user: 'admin', password: secrets.adminPassword, project: 'admin' } : { user: 'demo', password: secrets.demoPassword, project: 'demo' }
  const abort = new AbortController()
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => abort.abort())
  const open = () => logIn(reachOutside(settings), person)
  const session = await open().catch((error: unknown) => {
    throw error instanceof RestError ? error : new CommandError('The cloud does not answer: start it with `nimbo up`.')
  })
  const names = options.json ? new Map<string, string>() : await namesOf(session, options.all)
  const query = new URLSearchParams()
  if (options.all || options.wait !== undefined) query.set('all_projects', 'true')
  if (options.project !== undefined) query.set('project_id', await projectId(session, options.project))
  if (options.resource !== undefined) query.set('resource', await resourceId(session, options.resource, options.all))
  if (options.wait !== undefined) query.set('operation', options.wait)
  const show = (event: EventView, cursor: string) => {
    if (options.json) return print(jsonText({ cursor, ...event }))
    if (event.resource.name !== undefined) names.set(event.resource.id, event.resource.name)
    const line = lineOf(event, (id) => names.get(id))
    if (line) print(`${line.time}  ${colour(line.subject.padEnd(30), 'bold')}  ${colour(line.text, line.tone)}`)
  }
  return follow({ session, open, query, since: options.since, wait: options.wait, json: options.json, show, signal: abort.signal })
}

interface Following {
  session: Session
  readonly open: () => Promise<Session>
  readonly query: URLSearchParams
  readonly since: string | undefined
  readonly wait: string | undefined
  readonly json: boolean
  readonly show: (event: EventView, cursor: string) => void
  readonly signal: AbortSignal
}

/** One stream after the other, each from where the last one broke off: the cloud may be restarted meanwhile. */
async function follow(following: Following): Promise<number> {
  const { query, wait, json, show, signal } = following
  let cursor = following.since
  let silent = false
  while (!signal.aborted) {
    let body: Readable | undefined
    try {
      const { transport, origin, token } = following.session.transport('nimbo')
      if (cursor !== undefined) query.set('cursor', cursor)
      const reply = await transport({ method: 'GET', path: '/v1/events', query: query.toString(), body: null, origin, headers: { 'x-auth-token': token, accept: 'text/event-stream' }, signal })
      if (reply.status === 401) throw new RestError(401, 'The token ended.')
      if (reply.status !== 200) throw new CommandError(`The events cannot be followed: ${messageOf((await readText(reply.body, 65_536)) ?? '')}`)
      silent = false
      body = reply.body as Readable
      // The stream is open first: an end between the two is heard.
      const ended = wait === undefined ? undefined : await ending(following.session, wait)
      if (ended !== undefined) return ended
      for await (const sent of readSent(body)) {
        cursor = sent.id ?? cursor
        if (sent.event === 'unauthorized') throw new RestError(401, 'The token ended.')
        if (sent.event === 'forbidden') throw new CommandError(messageOf(sent.data ?? ''))
        if (sent.event === 'reset') {
          if (json) print(JSON.stringify({ cursor, type: 'reset' }))
          else process.stderr.write('Events between are not kept any more; it goes on from now.\n')
        } else if (sent.data !== undefined && sent.event !== 'unavailable') {
          const event = JSON.parse(sent.data) as EventView
          show(event, cursor ?? '')
          if (wait !== undefined && event.type === 'operation.ended') return event.after?.['status'] === 'done' ? 0 : 1
        }
      }
    } catch (error) {
      if (signal.aborted) break
      if (error instanceof CommandError) throw error
      if (error instanceof RestError && error.status === 401) {
        const renewed = await following.open().catch(() => undefined)
        if (renewed) following.session = renewed
      }
    } finally {
      body?.destroy()
    }
    if (signal.aborted) break
    if (!silent) process.stderr.write('The cloud does not answer; waiting for it.\n')
    silent = true
    await new Promise<void>((resolve) => {
      const timer = setTimeout(done, pauseMilliseconds)
      function done() {
        clearTimeout(timer)
        signal.removeEventListener('abort', done)
        resolve()
      }
      signal.addEventListener('abort', done, { once: true })
    })
  }
  // Of an operation that was not waited for to its end nothing is known.
  return wait === undefined ? 0 : 130
}

/** The exit status where the operation has its end already. @throws CommandError when there is none such */
async function ending(session: Session, id: string): Promise<number | undefined> {
  const answer = (await session.send('nimbo', 'GET', `/v1/operations/${encodeURIComponent(id)}`, undefined, { accept: [404] })) as { operation: OperationWithSteps } | undefined
  if (!answer) throw new CommandError(`There is no operation ${id}.`)
  const { status, fault, finished_at: finished } = answer.operation
  if (finished === null) return undefined
  if (fault) process.stderr.write(`${answer.operation.kind} ${status}: ${plain(fault.message)}\n`)
  return status === 'done' ? 0 : 1
}

interface Collection {
  readonly service: ServiceName
  readonly path: string
  readonly rows: string
  readonly noun: string
}

const collections: readonly Collection[] = [
  { service: 'nova', path: '/v2.1/servers', rows: 'servers', noun: 'server' },
  { service: 'cinder', path: '/v3/volumes', rows: 'volumes', noun: 'volume' },
  { service: 'glance', path: '/v2/images', rows: 'images', noun: 'image' },
  { service: 'neutron', path: '/v2.0/networks', rows: 'networks', noun: 'network' },
  { service: 'neutron', path: '/v2.0/ports', rows: 'ports', noun: 'port' },
  { service: 'neutron', path: '/v2.0/routers', rows: 'routers', noun: 'router' },
]

async function named(session: Session, all: boolean, name?: string): Promise<{ id: string; name: string; noun: string }[]> {
  const query = new URLSearchParams({ ...(name !== undefined && { name }) })
  const found = await Promise.all(collections.map(async ({ service, path, rows, noun }) => {
    const mine = new URLSearchParams(query)
    if (all && (service === 'nova' || service === 'cinder')) mine.set('all_tenants', '1')
    const answer = (await session.send(service, 'GET', `${path}?${mine.toString()}`)) as Record<string, { id: string; name: string | null }[]>
    return (answer[rows] ?? []).map((row) => ({ id: row.id, name: row.name ?? '', noun }))
  }))
  // Nova takes a name for a pattern.
  return found.flat().filter((each) => each.name !== '' && (name === undefined || each.name === name))
}

/** For the lines of operations, which know ids only. What cannot be listed has no name then. */
async function namesOf(session: Session, all: boolean): Promise<Map<string, string>> {
  return new Map((await named(session, all).catch(() => [])).map(({ id, name }) => [id, name]))
}

const idForm = /^[0-9a-f]{8}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{12}$/

async function resourceId(session: Session, resource: string, all: boolean): Promise<string> {
  if (idForm.test(resource)) return resource
  const found = await named(session, all, resource)
  const [first, second] = found
  if (!first) throw new CommandError(`There is no server, volume, image, network, port or router called ${resource}${all ? '' : ' in this project; look in all with --all'}.`)
  if (second) throw new CommandError(`${resource} is the name of several; say which by its id:\n${found.map(({ noun, id }) => `  ${noun} ${id}`).join('\n')}`)
  return first.id
}

async function projectId(session: Session, project: string): Promise<string> {
  const { projects } = (await session.send('keystone', 'GET', `/v3/projects?name=${encodeURIComponent(project)}`)) as { projects: { id: string }[] }
  if (projects[0]) return projects[0].id
  if (idForm.test(project)) return project
  throw new CommandError(`There is no project ${project}.`)
}

function messageOf(text: string): string {
  try {
    return (JSON.parse(text) as { error: { message: string } }).error.message
  } catch {
    return text.slice(0, 300)
  }
}

const codes = { bold: '1', good: '32', bad: '31', quiet: '2', plain: '' } as const

function colour(text: string, tone: keyof typeof codes): string {
  return process.stdout.isTTY && codes[tone] !== '' && process.env['NO_COLOR'] === undefined ? `\x1b[${codes[tone]}m${text}\x1b[0m` : text
}
