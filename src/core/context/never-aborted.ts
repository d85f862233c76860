// For work that nobody calls off.

/** A signal that never comes. It lives as long as the process: to listen to it must keep nothing alive, so it keeps no listeners. */
export const neverAborted: AbortSignal = Object.assign(new AbortController().signal, { addEventListener() {}, removeEventListener() {} })
