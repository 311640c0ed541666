import type { TextSpan } from '@headgate/api'

/**
 * Spans that read from the frozen body and turn to a mutable draft only when a text is really
 * changed, so that looking at every text of a request costs no copy of it.
 */
export function editableSpans(frozen: readonly TextSpan[], openDraft: () => TextSpan[]): readonly TextSpan[] {
  let draft: TextSpan[] | null = null
  const write = (index: number, text: string): void => {
    draft ??= openDraft()
    draft[index]!.text = text
  }
  const read = (index: number): string => (draft === null ? frozen : draft)[index]!.text
  return frozen.map((span, index) => new EditableSpan(span, index, read, write))
}

class EditableSpan implements TextSpan {
  readonly kind: TextSpan['kind']
  readonly path: string
  readonly #index: number
  readonly #read: (index: number) => string
  readonly #write: (index: number, text: string) => void

  constructor(span: TextSpan, index: number, read: (index: number) => string, write: (index: number, text: string) => void) {
    this.kind = span.kind
    this.path = span.path
    this.#index = index
    this.#read = read
    this.#write = write
  }

  get text(): string {
    return this.#read(this.#index)
  }

  set text(value: string) {
    if (typeof value !== 'string') throw new TypeError('the text of a span must be a string')
    if (value !== this.#read(this.#index)) this.#write(this.#index, value)
  }
}
