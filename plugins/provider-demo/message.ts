import type { ChatMessage, DeepReadonly, RequestBody } from '@headgate/api'

/** A message as a request holds it. */
export type Message = DeepReadonly<ChatMessage>

/** The messages of a chat; none where the body has no list of them. */
export function messagesOf(request: DeepReadonly<RequestBody>): readonly Message[] {
  return Array.isArray(request.messages) ? request.messages.filter(isMessage) : []
}

/** All text of a message, the parts of a multi-part one joined by spaces. */
export function textOf({ content }: Message): string {
  if (typeof content === 'string') return content
  if (!Array.isArray(content)) return ''
  const texts: string[] = []
  for (const part of content as readonly { readonly text?: unknown }[]) if (typeof part?.text === 'string') texts.push(part.text)
  return texts.join(' ')
}

/** The text of the last message from the user. */
export function lastUserText(messages: readonly Message[]): string {
  const message = messages.findLast(({ role }) => role === 'user')
  return message === undefined ? '' : textOf(message)
}

function isMessage(value: unknown): value is Message {
  return typeof value === 'object' && value !== null
}
