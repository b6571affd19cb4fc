// The one alarm that a Durable Object has. The platform takes whole ms, runs one alarm at a time, and forgets one that is set for
// the very ms of the alarm that is being run, which may have come early.

import type { Clock, Tasks } from '../../ports.ts';

interface ObjectAlarmParts {
  readonly clock: Pick<Clock, 'now'>;
  readonly tasks: Pick<Tasks, 'later'>;
  readonly setAlarm: (atMs: number) => Promise<void>;
  readonly fault: (error: unknown) => void;
  /** Called a while after an alarm could not be set. */
  readonly again: () => void;
}

const RETRY_MS = 1_000;
const MAX_WAIT_MS = 60_000;

export class ObjectAlarm {
  readonly #parts: ObjectAlarmParts;
  #atMs = Number.POSITIVE_INFINITY;
  /** That of the alarm that is being run, or was last. */
  #firedAtMs: number | undefined;
  #setting: Promise<void> | undefined;
  /** Has the alarm that is being run look whether the next one is due. */
  #look: () => void = () => undefined;

  constructor(parts: ObjectAlarmParts) {
    this.#parts = parts;
  }

  /** Not put off: one that comes too early costs little, one that is lost costs readers their time. Infinity: none is needed. */
  need(neededMs: number): void {
    const { clock, tasks, setAlarm, fault, again } = this.#parts;
    const now = clock.now();
    if (neededMs === Number.POSITIVE_INFINITY || (neededMs >= this.#atMs && this.#atMs > now)) return;
    const wholeMs = Math.max(Math.ceil(neededMs), now + 1);
    const atMs = wholeMs === this.#firedAtMs ? wholeMs + 1 : wholeMs;
    this.#atMs = atMs;
    this.#setting = setAlarm(atMs);
    this.#setting.catch((error: unknown) => {
      fault(error);
      if (this.#atMs === atMs) this.#atMs = Number.POSITIVE_INFINITY;
      tasks.later(RETRY_MS, again);
    });
    this.#look();
  }

  /** It is being run. `atMs`: as the platform says; undefined: it does not say. */
  fired(atMs = this.#atMs): void {
    this.#firedAtMs = atMs;
    this.#atMs = Number.POSITIVE_INFINITY;
  }

  /** Resolves when `ended` does, or the next alarm is due. False: that is due. */
  async before(ended: Promise<void>): Promise<boolean> {
    const { clock, tasks } = this.#parts;
    const leftMs = this.#atMs - clock.now();
    if (leftMs <= 0) return false;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#look = resolve;
    const cancel = tasks.later(Math.min(MAX_WAIT_MS, leftMs), resolve);
    await Promise.race([ended, promise]);
    cancel();
    return true;
  }

  /** Resolves once the next one is set. Its failure is that of the alarm which is being run: the platform repeats it. */
  async isSet(): Promise<void> {
    await this.#setting;
  }
}
