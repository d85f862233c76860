// What stands in for the world outside the process when the cloud runs in a simulation, where nothing may finish by chance.

export interface Stage {
  /** What outlives every role, as guests, volumes and files do: made when it is first asked for. */
  kept<T>(name: string, make: () => T): T
  /** Asked before an effect of a fake engine: it may take its time, or fail, or be the last thing that the role does. */
  before(effect: string): Promise<void>
  /** Whether the effect happens once more before its answer comes: what lies between asked again. Only of engines that bear it. */
  again(effect: string): boolean
  /** The same as before, between the effect and its answer. */
  after(effect: string): Promise<void>
  /** Wait for what finishes in its own time, a hash on another thread: nothing else happens meanwhile. */
  outside<T>(work: Promise<T>): Promise<T>
}
