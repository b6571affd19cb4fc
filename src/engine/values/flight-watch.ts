// Which fills are still alive, where one may end without a word: on Workers it does with the request that began it.
//
// Nobody is told of that end. So each fill shows by a timer of its own request that it lives, and
// those of other requests who wait for it look whether it does, by timers of theirs. That also keeps them from being taken
// for requests that hang.

import { TidegateError } from '../../errors.ts';
import type { ValueContext } from './value-context.ts';
import type { ValueFlight, ValueLanding } from './value-flight.ts';

const BEAT_MS = 50;
/** An isolate that is busy is late with its beats. A fill that is taken for lost too early costs one more. */
const LOST_AFTER_MS = 500;

interface Life {
  readonly flight: ValueFlight;
  readonly lose: (landing: ValueLanding) => void;
  seenMs: number;
  landing: ValueLanding | undefined;
  isLost: boolean;
}

export class FlightWatch {
  readonly #context: Pick<ValueContext, 'clock' | 'tasks'>;
  readonly #handsOver: boolean;
  readonly #lives = new WeakMap<ValueFlight, Life>();
  readonly #running = new Set<Life>();

  /** `handsOver`: who waits for a promise that another request resolves goes on as a part of their own request. */
  constructor(context: Pick<ValueContext, 'clock' | 'tasks'>, handsOver: boolean) {
    this.#context = context;
    this.#handsOver = handsOver;
  }

  /** To be called within the request that begins it. `lose`: called when it is found to have ended without a word. */
  begun(flight: ValueFlight, lose: (landing: ValueLanding) => void): void {
    const { clock, tasks } = this.#context;
    this.loseEnded();
    const life: Life = { flight, lose, seenMs: clock.monotonic(), landing: undefined, isLost: false };
    this.#lives.set(flight, life);
    this.#running.add(life);
    const beat = () => {
      life.seenMs = clock.monotonic();
      cancel = tasks.later(BEAT_MS, beat);
    };
    let cancel = tasks.later(BEAT_MS, beat);
    void flight.landed.then((landing) => {
      cancel();
      this.#running.delete(life);
      life.landing ??= landing;
    });
  }

  /** Those of requests that are over. */
  loseEnded(): void {
    const nowMs = this.#context.clock.monotonic();
    for (const life of this.#running) {
      if (nowMs - life.seenMs <= LOST_AFTER_MS) continue;
      this.#running.delete(life);
      life.isLost = true;
      const message = `expected the fill of ${life.flight.key} to end, got the end of the request that began it`;
      life.landing = { kind: 'failed', error: new TidegateError('E_FILL', message) };
      life.lose(life.landing);
    }
  }

  isLost(flight: ValueFlight): boolean {
    return this.#lives.get(flight)?.isLost === true;
  }

  /** How a fill ended that another request may have begun. */
  heard(flight: ValueFlight): Promise<ValueLanding> {
    const { tasks } = this.#context;
    const handsOver = this.#handsOver;
    const life = this.#lives.get(flight);
    if (life === undefined) return flight.landed;
    return new Promise((resolve) => {
      let cancel = () => {};
      const look = (nextMs: number) => {
        this.loseEnded();
        if (life.landing !== undefined) resolve(life.landing);
        else cancel = tasks.later(nextMs, () => look(Math.min(2 * nextMs, BEAT_MS)));
      };
      look(handsOver ? BEAT_MS : 1);
      if (!handsOver) return;
      void flight.landed.then((landing) => {
        cancel();
        resolve(landing);
      });
    });
  }
}
