// Jobs that are given what comes up bit by bit: entries to fill again, and what is predicted.

import type { Logger } from 'pino';
import type { PopulateItem } from '../../engine/populate/item.ts';
import type { Populator } from '../../engine/populate/populator.ts';

export class StandingJobs {
  readonly #populator: Populator;
  readonly #log: Pick<Logger, 'warn'>;
  readonly #ids = new Map<string, string>();

  constructor(populator: Populator, log: Pick<Logger, 'warn'>) {
    this.#populator = populator;
    this.#log = log;
  }

  /**
   * Fills in one job while there is anything of the cause to fill, so that many occasions do not make many jobs; predictions, which
   * come all the time, have one for good. Returns false when too much waits already.
   */
  fill(cause: 'rehydration' | 'prediction', items: readonly PopulateItem[]): boolean {
    const { jobs } = this.#populator;
    const before = this.#ids.get(cause);
    const last = before === undefined ? undefined : jobs.progress(before);
    const id = last?.state === 'running' && !last.sealed ? last.id : jobs.create({ cause });
    let isTaken = true;
    try {
      this.#populator.add(id, items);
    } catch (error) {
      // These are filled when a client asks.
      this.#log.warn({ err: error, cause }, 'entries were not filled ahead');
      isTaken = false;
    }
    if (id !== before && cause === 'rehydration') {
      jobs.follow(id, ({ done, total }) => void (done === total && jobs.seal(id)));
    }
    this.#ids.set(cause, id);
    return isTaken;
  }
}
