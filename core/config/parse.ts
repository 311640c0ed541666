import { Composer, Lexer, Parser, type CST, type Document } from 'yaml'
import type { Finding } from './diagnostics.ts'
import { LIMITS } from './limits.ts'
import type { SourceFile } from './source.ts'

/** A YAML document, or why there is none. */
export type Parsed = { readonly document: Document.Parsed } | { readonly problems: readonly Finding[] }

/** The parser keeps a token or two for each level besides the documents' own levels. */
const STACK = LIMITS.depth * 2 + 4

/** Parses one YAML 1.2 document. Size and depth are watched token by token, so that nothing large is ever built. */
export function parseYaml(source: SourceFile): Parsed {
  const tokens: CST.Token[] = []
  const excess = tokenize(source, tokens)
  if (excess !== undefined) return { problems: [excess] }
  const composer = new Composer<Document.Parsed['contents'] & object>({
    uniqueKeys: false,
    version: '1.2',
    schema: 'core',
    merge: false,
    prettyErrors: false
  })
  const documents = [...composer.compose(tokens, true, source.text.length)]
  const problems = documents.flatMap(document => complaints(source, document))
  const second = documents[1]
  if (second !== undefined)
    problems.push(syntax(source, second.range[0], second.range[0] + 3, 'a config is one YAML document, here a second one begins'))
  const document = documents[0]
  if (problems.length > 0 || document === undefined) return { problems: problems.slice(0, LIMITS.syntaxErrors) }
  return { document: document as Document.Parsed }
}

function tokenize(source: SourceFile, tokens: CST.Token[]): Finding | undefined {
  const parser = new Parser(source.lines.addNewLine)
  let count = 0
  for (const lexeme of new Lexer().lex(source.text)) {
    for (const token of parser.next(lexeme)) tokens.push(token)
    if (parser.stack.length > STACK)
      return tooLarge(source, parser.offset, `more than ${LIMITS.depth} levels of maps and lists within each other`)
    if (++count > LIMITS.tokens) return tooLarge(source, parser.offset, `the file has more than ${LIMITS.tokens} tokens`)
  }
  for (const token of parser.end()) tokens.push(token)
  return undefined
}

function tooLarge(source: SourceFile, offset: number, message: string): Finding {
  return { code: 'HG_CONFIG_TOO_LARGE', message, spot: source.spot(Math.max(0, offset - 1), offset) }
}

function syntax(source: SourceFile, start: number, end: number, message: string, hint?: string): Finding {
  const finding: Finding = { code: 'HG_CONFIG_SYNTAX', message, spot: source.spot(start, end) }
  return hint === undefined ? finding : { ...finding, hint }
}

function complaints(source: SourceFile, document: Document.Parsed | Document): Finding[] {
  const found: Finding[] = []
  for (const error of [...document.errors, ...document.warnings]) {
    if (found.length >= LIMITS.syntaxErrors) break
    found.push(syntax(source, error.pos[0], error.pos[1], sentence(error.code, error.message), hintFor(source, error.code, error.pos[0])))
  }
  const { explicit, version } = document.directives?.yaml ?? {}
  if (explicit === true && version !== '1.2') found.push(syntax(source, 0, 5, `a config is YAML 1.2, not ${version}`))
  return found
}

/** The parser's sentence in our style; those that speak of its inside are put plainly. */
function sentence(code: string, message: string): string {
  if (code === 'TAB_AS_INDENT') return 'a tab cannot indent YAML'
  const plain = message.replace(/\s+/g, ' ').trim().replace(/\.$/, '')
  return plain.charAt(0).toLowerCase() + plain.slice(1, 200)
}

function hintFor(source: SourceFile, code: string, offset: number): string | undefined {
  if (code === 'TAB_AS_INDENT') return 'use spaces'
  const { source: line } = source.place(offset, offset + 1)
  if (/[{[].*[\s:,[]\$\{/.test(line)) return 'inside { } and [ ] write "${…}" in quotes'
  return undefined
}
