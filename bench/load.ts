// The load generator, in its own process: takes jobs from its parent and reports what came back.
import { Client, type Answer } from './client.ts'
import { quantile, type Job, type Outcome, type Report } from './jobs.ts'

process.on('message', job => {
  void run(job as Job)
})

async function run(job: Job): Promise<void> {
  const answers: Answer[] = []
  const clients = Array.from({ length: job.connections }, () => new Client(job))
  const load = job.kind === 'rate' ? paced(clients, job, answers) : closed(clients, answers)
  await wait(job.warm)
  // Only what was wrong is kept from before the window.
  const early = answers.filter(answer => answer.problem !== undefined)
  answers.length = 0
  const before = tokensOf(clients)
  report({ at: 'start' })
  await wait(job.time)
  load.stop()
  const tokens = tokensOf(clients) - before
  const outcome = outcomeOf(answers.slice(), [...early, ...stuck(clients, job)], tokens)
  for (const client of clients) client.close()
  report({ at: 'end', outcome })
}

/** Every connection sends the next request when it has its answer. */
function closed(clients: readonly Client[], answers: Answer[]): { stop: () => void } {
  let running = true
  let number = 0
  const next = (client: Client): void => {
    client.send(number++, performance.now(), answer => {
      answers.push(answer)
      if (running && answer.problem === undefined) next(client)
    })
  }
  for (const client of clients) next(client)
  return {
    stop() {
      running = false
    }
  }
}

/** Requests at a fixed rate, whatever comes back; the time of one that waits for a connection runs already. */
function paced(clients: readonly Client[], job: Job, answers: Answer[]): { stop: () => void } {
  const free = [...clients]
  const due: number[] = []
  const began = performance.now()
  let number = 0
  const send = (client: Client, since: number): void => {
    client.send(number++, since, answer => {
      answers.push(answer)
      const waiting = due.shift()
      if (waiting === undefined) free.push(client)
      else send(client, waiting)
    })
  }
  const timer = setInterval(() => {
    const now = performance.now()
    while (number + due.length < ((now - began) / 1000) * (job.rate ?? 500)) {
      const client = free.pop()
      if (client === undefined) due.push(now)
      else send(client, now)
    }
  }, 1)
  return {
    stop() {
      clearInterval(timer)
    }
  }
}

function tokensOf(clients: readonly Client[]): number {
  return clients.reduce((sum, client) => sum + client.tokens, 0)
}

/** Requests that should have had their answer three seconds ago. */
function stuck(clients: readonly Client[], job: Job): Answer[] {
  const limit = (job.chunks ?? 0) * (job.every ?? 0) + 3000
  return clients.filter(client => client.waiting > limit).map(() => ({ ms: 0, firstToken: 0, delays: [], problem: 'no answer' }))
}

function outcomeOf(answers: readonly Answer[], early: readonly Answer[], tokens: number): Outcome {
  const times = answers.map(answer => answer.ms)
  const delays = answers.flatMap(answer => answer.delays)
  const bad = [...early, ...answers.filter(answer => answer.problem !== undefined)]
  return {
    requests: answers.length,
    chunks: tokens,
    bad: bad.length,
    wrong: bad.slice(0, 5).map(answer => answer.problem ?? ''),
    p50: quantile(times),
    p99: quantile(times, 0.99),
    firstTokenP50: quantile(answers.map(answer => answer.firstToken)),
    chunkDelayP50: quantile(delays),
    chunkDelayP99: quantile(delays, 0.99)
  }
}

function report(message: Report): void {
  process.send?.(message)
}

function wait(ms: number): Promise<void> {
  return new Promise(resolve => setTimeout(resolve, ms))
}
