// Honest traffic beside an attack: hits, misses and writes at a fixed rate, half of them on connections of their own. It runs in
// a thread, so that what keeps the attacker busy does not delay its clock.

import { Worker } from 'node:worker_threads';

export interface HonestPlan {
  readonly port: number;
  readonly tls: boolean;
  readonly perSecond: number;
}

export interface HonestFigures {
  readonly sent: number;
  /** Answered with a status other than the right one; the statuses, or codes of errors, with their number. */
  readonly refused: Readonly<Record<string, number>>;
  /** Not answered within 5 s. */
  readonly late: number;
  /** Answered with content that is not theirs. */
  readonly wrong: number;
  /** Milliseconds, in ascending order. */
  readonly tookMs: readonly number[];
}

export class Honest {
  readonly #worker: Worker;

  constructor(plan: HonestPlan) {
    this.#worker = new Worker(new URL('./honest-thread.ts', import.meta.url), { workerData: plan });
  }

  /** Waits for what is under way. */
  async stop(): Promise<HonestFigures> {
    const figures = new Promise<HonestFigures>((resolve, reject) => {
      this.#worker.once('message', resolve);
      this.#worker.once('error', reject);
    });
    this.#worker.postMessage('stop');
    const got = await figures;
    await this.#worker.terminate();
    return got;
  }
}

export function quantile(sorted: readonly number[], share: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
}

/** `all answered`, or what was amiss. */
export function honestWords({ sent, refused, late, wrong }: HonestFigures): string {
  const amiss = Object.entries(refused).map(([what, count]) => `${count} refused (${what})`);
  if (late > 0) amiss.push(`${late} late`);
  if (wrong > 0) amiss.push(`${wrong} with content of another`);
  if (sent === 0) amiss.push('none sent');
  return amiss.length === 0 ? 'all answered' : amiss.join('; ');
}
