// The lease of a cluster as a worker has it: the primary holds it and tells each worker until when it may serve, after all changes
// that came with it.

import type { SharedLease } from '../../log/lease/log-share.ts';
import { SleepWatch } from '../../log/lease/sleep-watch.ts';
import type { ClusterConfig, Lease } from './cluster.ts';
import { machineClock } from './machine-clock.ts';

export class WorkerLease implements Lease {
  readonly onLoss: ClusterConfig['onLoss'];
  readonly #sleep = new SleepWatch(machineClock);
  #endMs = Number.NEGATIVE_INFINITY;

  constructor({ onLoss }: Pick<ClusterConfig, 'onLoss'>) {
    this.onLoss = onLoss;
  }

  readonly isLeased = (): boolean => machineClock.monotonic() < this.#endMs && !this.#sleep.hasSlept;

  told({ endMs, aheadMs }: SharedLease): void {
    this.#endMs = endMs;
    this.#sleep.note(aheadMs);
  }
}
