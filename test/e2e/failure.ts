/** What a call failed with. @throws {Error} when it did not fail */
export async function failure<E = Error>(call: PromiseLike<unknown>): Promise<E> {
  try {
    await call
  } catch (error) {
    return error as E
  }
  throw new Error('the call did not fail')
}
