/** True for a system error with one of `codes`, such as `ENOENT`. */
export function hasCode(err: unknown, ...codes: readonly string[]): boolean {
  return err instanceof Error && codes.includes(String((err as NodeJS.ErrnoException).code))
}
