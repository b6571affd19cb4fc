// A child process of the bench `feed` that answers questions; on both sides of its channel.

import { type ChildProcess, fork } from 'node:child_process';
import { join } from 'node:path';
import { machineMs } from './clock.ts';

/** What a child can be asked, and what it answers. */
export type Answers = Readonly<Record<string, (given: never) => unknown>>;

interface Question {
  readonly number: number;
  readonly name: string;
  readonly given: unknown;
}

interface Answer {
  readonly number: number;
  readonly got?: unknown;
  readonly error?: string;
}

const END_MS = 5_000;
const CLOCK = 'clock';
const CPU = 'cpu';

function cpuMs(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1_000;
}

/** The child's side. */
export function answer(answers: Answers): void {
  const all: Answers = { ...answers, [CLOCK]: machineMs, [CPU]: cpuMs };
  process.on('message', ({ number, name, given }: Question) => {
    const reply = (rest: Omit<Answer, 'number'>) => process.send?.({ number, ...rest } satisfies Answer);
    const ask = async () => (all[name] as (given: unknown) => unknown)(given);
    ask().then(
      (got) => reply({ got }),
      (error: unknown) => reply({ error: error instanceof Error ? (error.stack ?? error.message) : String(error) }),
    );
  });
  process.on('disconnect', () => process.exit());
}

type Given<F> = F extends (...given: infer G) => unknown ? G : never;
type Got<F> = F extends (given: never) => infer R ? Awaited<R> : never;

/** The bench's side. */
export class Child<A extends Answers> {
  readonly #process: ChildProcess;
  readonly #waiting = new Map<number, (answer: Answer) => void>();
  #asked = 0;

  private constructor(file: string) {
    this.#process = fork(join(import.meta.dirname, file), { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
    this.#process.on('message', (answer: Answer) => {
      this.#waiting.get(answer.number)?.(answer);
      this.#waiting.delete(answer.number);
    });
    this.#process.on('exit', (code, signal) => {
      for (const [number, tell] of this.#waiting) tell({ number, error: `${file} ended with ${code ?? signal}` });
      this.#waiting.clear();
    });
  }

  static async start<A extends Answers>(file: string): Promise<Child<A>> {
    const child = new Child<A>(file);
    const before = machineMs();
    const there = Number(await child.#ask(CLOCK));
    if (there < before || there > machineMs()) {
      throw new Error(`expected one clock for all processes, got ${there} in ${file} after ${before} here`);
    }
    return child;
  }

  async ask<Name extends keyof A & string>(name: Name, ...given: Given<A[Name]>): Promise<Got<A[Name]>> {
    return (await this.#ask(name, given[0])) as Got<A[Name]>;
  }

  /** Time on a processor since its start. */
  async cpuMs(): Promise<number> {
    return Number(await this.#ask(CPU));
  }

  async end(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    if (this.#process.exitCode !== null || this.#process.signalCode !== null) return;
    this.#process.once('exit', () => resolve());
    // It ends with its channel; by force if it does not.
    if (this.#process.connected) this.#process.disconnect();
    const timer = setTimeout(() => this.#process.kill('SIGKILL'), END_MS);
    await promise;
    clearTimeout(timer);
  }

  #ask(name: string, given?: unknown): Promise<unknown> {
    const number = ++this.#asked;
    const { promise, resolve, reject } = Promise.withResolvers<unknown>();
    this.#waiting.set(number, ({ got, error }) => {
      if (error === undefined) resolve(got);
      else reject(new Error(error));
    });
    this.#process.send({ number, name, given } satisfies Question);
    return promise;
  }
}
