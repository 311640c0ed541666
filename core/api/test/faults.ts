import { reply, type Reply } from './reply.ts'

/** Changes an answer into one that goes wrong. */
export type Fault = (answer: Reply) => Reply

/**
 * An answer with faults, applied from left to right.
 *
 * @example withFault(sse(frames), cut(120))
 * @example withFault(reply({ json: {} }), slice([1, 5, 2]), closeAfterEach())
 */
export function withFault(answer: Reply, ...faults: readonly Fault[]): Reply {
  let changed = answer
  for (const fault of faults) changed = fault(changed)
  return changed
}

/** Drops the connection after so many bytes of the body. */
export function cut(afterBytes = 0): Fault {
  return answer => ({ ...answer, stopAfter: afterBytes, ending: 'destroy' })
}

/** Closes the connection cleanly after so many bytes of the body, although more was promised. */
export function fin(afterBytes = 0): Fault {
  return answer => ({ ...answer, stopAfter: afterBytes, ending: 'fin' })
}

/** Sends so many bytes of the body and then nothing more, on an open connection. */
export function stall(afterBytes = 0): Fault {
  return answer => ({ ...answer, stopAfter: afterBytes, ending: 'hang' })
}

/**
 * A reset (RST) of the connection: as soon as it stands, after the request, after the headers of
 * the answer, or after so many bytes of its body. As a step of its own: {@link resetAt}.
 */
export function reset(when: 'connect' | 'request' | 'headers' | number): Fault {
  if (when === 'connect') return answer => ({ ...answer, framing: 'none', payload: [], ending: 'reset', moment: 'connect' })
  if (when === 'request') return answer => ({ ...answer, framing: 'none', payload: [], prelude: [], ending: 'reset' })
  return answer => ({ ...answer, stopAfter: when === 'headers' ? 0 : when, ending: 'reset' })
}

/** A reset without any answer. */
export function resetAt(when: 'connect' | 'request' = 'request'): Reply {
  return reset(when)(reply())
}

/** Sends the body `bytes` bytes at a time with a pause between. */
export function drip(bytes: number, everyMs: number): Fault {
  return answer => {
    const pieces: Buffer[] = []
    const body = Buffer.concat(answer.payload)
    for (let at = 0; at < body.length; at += bytes) pieces.push(body.subarray(at, at + bytes))
    return { ...answer, payload: pieces, delayMs: everyMs }
  }
}

/** Writes status line, headers and body in slices of these sizes; the last size repeats. */
export function slice(sizes: readonly number[]): Fault {
  return answer => ({ ...answer, slices: sizes })
}

/** Interim answers before the real one. */
export function informational(count: number, status = 103): Fault {
  const interim = Buffer.from(`HTTP/1.1 ${status} Interim\r\nlink: </a>; rel=preload\r\n\r\n`)
  return answer => ({ ...answer, prelude: [...answer.prelude, ...new Array<Buffer>(count).fill(interim)] })
}

/** A `content-length` that is wrong by so many bytes. */
export function wrongLength(by: number): Fault {
  return answer => ({ ...answer, framing: 'length', lengthError: by })
}

/** A complete answer that promises keep-alive, after which the connection is closed all the same, as in a deployment. */
export function closeAfterEach(): Fault {
  return answer => ({ ...answer, ending: 'fin' })
}

/** A complete answer on a kept connection that is reset when the next request arrives on it: the stale keep-alive race, but every time. */
export function resetOnReuse(): Fault {
  return answer => ({ ...answer, ending: 'reset-on-reuse' })
}
