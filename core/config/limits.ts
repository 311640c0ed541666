/**
 * What a config may cost. Generous for configs that people write, and small enough that a hostile
 * or mistaken file is refused in well under a second.
 */
export const LIMITS = Object.freeze({
  /** Bytes of one config file. */
  fileBytes: 1024 * 1024,
  /** Bytes of all config files together. */
  totalBytes: 10 * 1024 * 1024,
  /** Config files in all. */
  files: 256,
  /** Includes within includes. */
  includeDepth: 8,
  /** Maps and lists within each other. */
  depth: 64,
  /** Maps, lists and scalars of the whole config, each alias counted with all that it repeats. */
  nodes: 50_000,
  /** Lexical tokens of one file. */
  tokens: 100_000,
  /** Syntax errors told for one file. */
  syntaxErrors: 20,
  /** Bytes of a file named by `${file:…}`. */
  secretBytes: 64 * 1024,
  /** Characters that interpolation may make in all. */
  interpolated: 4 * 1024 * 1024
})
