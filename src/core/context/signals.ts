// Signals of what nobody ever calls off.

/** A new one each time: whatever listens to it goes with it. */
export function neverAborted(): AbortSignal {
  return new AbortController().signal
}
