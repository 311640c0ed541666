/** What a client asks for: one operation per public endpoint. */
export type Operation =
  | 'chat'
  | 'completions'
  | 'embeddings'
  | 'models'
  | 'responses'
  | 'messages'
  | 'count_tokens'
  | 'moderations'
  | 'images'
  | 'audio'
  | 'rerank'
  | 'files'
  | 'batches'

/** Every operation, in the order in which reports print them. */
export const OPERATIONS: readonly Operation[] = Object.freeze([
  'chat',
  'completions',
  'embeddings',
  'models',
  'responses',
  'messages',
  'count_tokens',
  'moderations',
  'images',
  'audio',
  'rerank',
  'files',
  'batches'
])

/** The operations that carry text a policy can read; a plugin covers these unless it says otherwise. */
export const TEXT_OPERATIONS: readonly Operation[] = Object.freeze(['chat', 'completions', 'embeddings', 'responses', 'messages'])
