// The bus between the simulated roles: each message takes a way of its own.
import type { Capabilities } from '#core/context'
import { ServiceUnavailable, toWireError } from '#core/errors'
import { type Answer, AnswerLost, answerMessage, type Bus, type Message } from '#core/rpc'
import type { Incarnation } from './incarnation.ts'
import type { Links } from './links.ts'
import type { World } from './world.ts'

interface Listener {
  readonly topic: string
  readonly host: string
  readonly incarnation: Incarnation
  readonly handle: (message: Message) => Promise<Answer>
}

export class SimulatedBus {
  readonly #world: World
  readonly #links: Links
  readonly #listeners = new Map<string, Listener[]>()

  constructor(world: World, links: Links) {
    this.#world = world
    this.#links = links
  }

  /** The bus as one incarnation of a role has it. */
  of(incarnation: Incarnation, capabilities: Capabilities): Bus {
    return {
      serve: (spec, host, server) => {
        const listener: Listener = { topic: spec.topic, host, incarnation, handle: (message) => answerMessage(spec, server, message, capabilities) }
        const list = this.#listeners.get(spec.topic) ?? []
        this.#listeners.set(spec.topic, list)
        list.push(listener)
        const close = () => {
          const at = list.indexOf(listener)
          if (at >= 0) list.splice(at, 1)
          forget()
        }
        const forget = incarnation.atEnd(close)
        return { close }
      },
      send: async (topic, host, message, everyone) => {
        await incarnation.pass(`send ${topic}.${message.method}`)
        const { answer } = this.#send(incarnation, topic, host, message, everyone)
        return { answer: incarnation.guard(answer) }
      },
    }
  }

  #send(from: Incarnation, topic: string, host: string | undefined, message: Message, everyone: boolean): { answer: Promise<Answer> } {
    const there = (this.#listeners.get(topic) ?? []).filter((each) => host === undefined || each.host === host)
    if (everyone) {
      for (const listener of there) void this.#carry(from, listener, message)
      return { answer: Promise.resolve({ result: undefined }) }
    }
    if (there.length === 0) throw new ServiceUnavailable(`No ${topic} service answers${host === undefined ? '' : ` on host ${host}`}.`, { topic, host })
    return { answer: this.#carry(from, from.dice.one(there), message) }
  }

  #carry(from: Incarnation, to: Listener, message: Message): Promise<Answer> {
    const { delayMs, backMs, lost, againAfterMs } = this.#links.next(from.role, to.incarnation.role)
    const label = `${from.name} to ${to.incarnation.name}: ${to.topic}.${message.method}`
    return new Promise<Answer>((resolve) => {
      const answer = (afterMs: number, given: Answer) => {
        forget()
        this.#world.schedule(afterMs, `answer ${label}`, () => resolve(given))
      }
      const forget = to.incarnation.atEnd(() => answer(from.dice.integer(3000), gone('The service went away before it answered.')))
      const deliver = (again: boolean) => to.incarnation.receive(() => {
        this.#world.note(`rpc ${label}${again ? ', again' : ''}`)
        void to.incarnation.guard(to.handle(message)).then((given) => {
          if (lost !== 'answer' && !again) answer(backMs, given)
        })
      })
      if (lost !== 'request') this.#world.schedule(delayMs, label, () => deliver(false))
      if (againAfterMs !== undefined) this.#world.schedule(delayMs + againAfterMs, label, () => deliver(true))
      // A broker tells at last that nobody will answer; before it does, the deadline of the call may pass.
      if (lost !== undefined) answer(2000 + from.dice.integer(8000), gone(`${to.topic}.${message.method} was lost on its way.`))
    })
  }
}

function gone(message: string): Answer {
  return { error: toWireError(new AnswerLost(message)) }
}
