import type { Socket } from 'node:net'
import { setImmediate as nextTurn, setTimeout as delay } from 'node:timers/promises'
import type { Reply } from './reply.ts'

/** Writes an answer up to the point where it stops. False when the client had gone before. */
export async function send(socket: Socket, answer: Reply): Promise<boolean> {
  const wire = answer.slices === null ? wireOf(answer) : sliced(Buffer.concat(wireOf(answer)), answer.slices)
  const together = answer.delayMs === 0 && answer.slices === null && answer.framing === 'chunked'
  if (together) return writeEndlessly(socket, Buffer.concat(wire), answer)
  for (let i = 0; i < wire.length; i++) {
    // The pauses lie between pieces of the body, not before the first.
    if (i > 0) await pause(socket, i === 1 && answer.slices === null && answer.framing !== 'none' ? 0 : answer.delayMs)
    if (!(await write(socket, wire[i]!))) return false
  }
  return true
}

/** Every chunk of a chunked body stays a piece of its own, so that one write does for all. */
async function writeEndlessly(socket: Socket, bytes: Buffer, answer: Reply): Promise<boolean> {
  if (!(await write(socket, bytes))) return false
  if (!answer.endless) return true
  const again = Buffer.concat(answer.payload.map(chunk))
  for (;;) {
    if (!(await write(socket, again))) return false
    await nextTurn()
  }
}

function wireOf(answer: Reply): Buffer[] {
  const body = answer.stopAfter === null ? answer.payload : firstBytes(answer.payload, answer.stopAfter)
  const complete = answer.stopAfter === null
  if (answer.framing === 'none') return [...answer.prelude, ...body]
  const wire: Buffer[] = [Buffer.concat([...answer.prelude, head(answer)])]
  for (const piece of body) wire.push(answer.framing === 'chunked' ? chunk(piece) : piece)
  if (answer.framing === 'chunked' && complete && !answer.endless) wire.push(Buffer.from('0\r\n\r\n'))
  return wire.filter(piece => piece.length > 0)
}

function head(answer: Reply): Buffer {
  const lines = [`HTTP/1.1 ${answer.status} Status`]
  for (const [name, value] of answer.headers) lines.push(`${name}: ${value}`)
  if (answer.framing === 'chunked') lines.push('transfer-encoding: chunked')
  if (answer.framing === 'close') lines.push('connection: close')
  if (answer.framing === 'length') lines.push(`content-length: ${total(answer.payload) + answer.lengthError}`)
  return Buffer.from(`${lines.join('\r\n')}\r\n\r\n`, 'latin1')
}

function chunk(piece: Buffer): Buffer {
  return Buffer.concat([Buffer.from(`${piece.length.toString(16)}\r\n`), piece, Buffer.from('\r\n')])
}

function total(pieces: readonly Buffer[]): number {
  let bytes = 0
  for (const piece of pieces) bytes += piece.length
  return bytes
}

function firstBytes(pieces: readonly Buffer[], limit: number): Buffer[] {
  const kept: Buffer[] = []
  let left = limit
  for (const piece of pieces) {
    if (left <= 0) break
    kept.push(piece.subarray(0, left))
    left -= piece.length
  }
  return kept
}

function sliced(bytes: Buffer, sizes: readonly number[]): Buffer[] {
  const slices: Buffer[] = []
  let at = 0
  for (let i = 0; at < bytes.length; i++) {
    const size = Math.max(1, sizes[Math.min(i, sizes.length - 1)] ?? bytes.length)
    slices.push(bytes.subarray(at, at + size))
    at += size
  }
  return slices
}

async function pause(socket: Socket, ms: number): Promise<void> {
  // Two turns of the event loop, so that a client in this process has read the piece before.
  if (ms === 0) {
    await nextTurn()
    await nextTurn()
    return
  }
  const gone = new AbortController()
  const stop = (): void => gone.abort()
  socket.once('close', stop)
  await delay(ms, undefined, { signal: gone.signal }).catch(ignoreAbort)
  socket.off('close', stop)
}

/** Resolves when the bytes have been handed to the kernel. */
function write(socket: Socket, bytes: Buffer): Promise<boolean> {
  if (socket.destroyed || !socket.writable) return Promise.resolve(false)
  return new Promise(resolve => {
    socket.write(bytes, error => resolve(error === null || error === undefined))
  })
}

function ignoreAbort(error: Error): void {
  if (error.name !== 'AbortError') throw error
}
