const BRAND = Symbol.for('@headgate/reject')

/** What else a denial may say. */
export interface RejectOptions {
  /** OpenAI `type`; by default it follows from the status. */
  readonly type?: string
  /** The request field to blame, as a path such as `messages[0].content`. */
  readonly param?: string
  /** Response headers, such as `retry-after`. */
  readonly headers?: { readonly [name: string]: string }
}

/**
 * A denial: an expected end of the request, never counted as a plugin failure and never swallowed
 * by `on_error: allow`. Made by {@link reject}.
 */
export class Reject extends Error {
  readonly status: number
  readonly code: string
  readonly type: string | undefined
  readonly param: string | undefined
  readonly headers: { readonly [name: string]: string } | undefined

  constructor(status: number, code: string, message: string, options: RejectOptions = {}) {
    super(message)
    this.name = 'Reject'
    this.status = status
    this.code = code
    this.type = options.type
    this.param = options.param
    this.headers = options.headers
  }

  /** Marker that holds across several installed copies of this package. */
  get [BRAND](): true {
    return true
  }
}

/**
 * Makes a denial to be thrown: `throw reject(429, 'rate_limit_exceeded', 'too many requests')`.
 * The message goes to the client as it is, so it MUST NOT hold secrets, paths or upstream URLs.
 *
 * @throws {RangeError} when `status` is not a 4xx or 5xx status
 */
export function reject(status: number, code: string, message: string, options?: RejectOptions): Reject {
  if (!Number.isInteger(status) || status < 400 || status > 599) throw new RangeError(`reject status must be 400–599, got ${status}`)
  return new Reject(status, code, message, options)
}

/** True for a denial made by any installed copy of this package. */
export function isReject(value: unknown): value is Reject {
  return typeof value === 'object' && value !== null && (value as { [BRAND]?: unknown })[BRAND] === true
}
