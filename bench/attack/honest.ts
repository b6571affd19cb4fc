// Honest requests at a fixed rate, in a thread of its own, and what became of them.

import { once } from 'node:events';
import { Worker } from 'node:worker_threads';

export interface HonestPlan {
  readonly port: number;
  readonly perSecond: number;
  readonly seconds: number;
  /** Part of the paths of misses, which so are new each time. */
  readonly run: string;
}

/** Milliseconds from the time at which a request had to be sent. */
export interface HonestTook {
  readonly hits: number[];
  readonly misses: number[];
  /** How late they were sent: where that is much, latencies say little about the server. */
  readonly sentLate: number[];
  /** Statuses other than 200 and codes of errors, with their number. */
  readonly refused: Record<string, number>;
  /** Not answered within 5 s. */
  late: number;
  /** Answered with content that is not theirs. */
  wrong: number;
}

export async function askHonestly(plan: HonestPlan): Promise<HonestTook> {
  const worker = new Worker(new URL('./honest-thread.ts', import.meta.url), { workerData: plan });
  try {
    const [took] = (await once(worker, 'message')) as [HonestTook];
    return took;
  } finally {
    await worker.terminate();
  }
}
