/** A test that can hold other tests, such as one of tap or of `node:test`. */
export interface Runner {
  test(name: string, fn: () => Promise<void>): unknown
  /** Prints a line beside the results, where the runner can. */
  comment?(text: string): void
}

/** What a check found to be wrong, each as a sentence. */
export class ConformanceError extends Error {
  readonly problems: readonly string[]

  constructor(problems: readonly string[]) {
    super(problems.join('\n'))
    this.name = 'ConformanceError'
    this.problems = problems
  }
}

/** @throws {ConformanceError} when there are problems; equal ones are told once */
export function expectNone(problems: readonly string[]): void {
  if (problems.length > 0) throw new ConformanceError([...new Set(problems)])
}
