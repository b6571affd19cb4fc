// The origin's side of a flight: what it says is heard in its order, and nothing that an earlier forward still says.
//
// Sometimes something else must be over before the flight goes on, such as a write's invalidations
// once they are durable. Until then nothing is heard, and what was said is kept.

import type { Eventually, Forward, Origin, OriginListener, OriginRequest } from '../../ports.ts';
import { fieldValue, type ResponseHead } from '../../semantics/fields.ts';
import type { Context } from '../context.ts';
import { guarded } from '../guarded.ts';
import type { FlightPlan, Landing } from './running-flight.ts';

/** Tells all, whatever one of them throws: that one hears of a failure instead. */
export function tellEach(
  listeners: readonly ((landing: Landing) => void)[],
  landing: Landing,
  broken: Context['broken'],
): void {
  for (const listener of listeners) {
    try {
      listener(landing);
    } catch (error) {
      guarded(listener, broken)({ kind: 'failed', error: broken(error) });
    }
  }
}

/** Of an origin that threw. */
const NO_FORWARD: Forward = { abort: () => {}, pause: () => {}, resume: () => {} };

type GuardContext = Pick<Context, 'fault' | 'broken' | 'tasks' | 'statistics' | 'clock'>;

export class ForwardGuard {
  readonly #context: GuardContext;
  #forward: Forward | undefined;
  /** Number of the forward that counts. */
  #leg = 0;
  #held: (() => void)[] | undefined;
  #failed: OriginListener['failed'] = () => {};

  /** `fault` is told when what was waited for failed; the flight goes on all the same. */
  constructor(context: GuardContext) {
    this.#context = context;
  }

  /** False before the first forward, and once nothing more is going to be heard. */
  get open(): boolean {
    return this.#forward !== undefined;
  }

  launch({ request: { route }, stores }: FlightPlan, request: OriginRequest, listener: OriginListener): void {
    const leg = ++this.#leg;
    this.#failed = listener.failed;
    const { statistics, clock } = this.#context;
    const { origin } = route;
    const sentMs = clock.monotonic();
    // What is kept of the answer to a POST spares no other request.
    const isFill = stores && request.method === 'GET';
    statistics.forwarded(route);
    const heard = <Told extends unknown[]>(tell: (...told: Told) => void) => {
      const tellNow = (...told: Told) => {
        if (leg === this.#leg) this.#safely(() => tell(...told));
      };
      return (...told: Told) => {
        if (this.#held === undefined) tellNow(...told);
        else this.#held.push(() => tellNow(...told));
      };
    };
    const failed = heard((...told: Parameters<OriginListener['failed']>) => {
      statistics.failed(route);
      listener.failed(...told);
    });
    const head = heard((...told: Parameters<OriginListener['head']>) => {
      statistics.heard(route, clock.monotonic() - sentMs, isFill ? queriesIn(told[0]) : undefined);
      listener.head(...told);
    });
    try {
      const told = request.beforeSending === undefined || origin.tellsSending === true;
      this.#forward = (told ? origin : sendingTold(origin)).forward(request, {
        ...{ interim: heard(listener.interim), head, data: heard(listener.data) },
        ...{ end: heard(listener.end), failed },
      });
    } catch (error) {
      this.#forward = NO_FORWARD;
      const broken = this.#context.broken(error);
      // Later, as every origin does: nobody waits for the flight yet.
      this.#context.tasks.soon(() => failed(broken));
    }
  }

  /** Goes on with the result, at once where it is there. `failed`: default is to go on without a result. */
  afterwards<T>(
    result: Eventually<T>,
    then: (result: T | undefined) => void,
    failed: (error: unknown) => void = () => then(undefined),
  ): void {
    if (!(result instanceof Promise)) return then(result);
    this.#held = [];
    this.pause();
    result.then(
      (known) => this.#goOn(() => then(known)),
      (error: unknown) => {
        this.#context.fault(error);
        this.#goOn(() => failed(error));
      },
    );
  }

  pause(): void {
    this.#forward?.pause();
  }

  resume(): void {
    if (this.#held === undefined) this.#forward?.resume();
  }

  abort(): void {
    this.#forward?.abort();
  }

  /** Nothing more is heard. */
  close(): void {
    this.#leg++;
    this.#forward = undefined;
  }

  /** A flight in which something throws has failed: nobody knows how far it came. */
  #safely(step: () => void): void {
    try {
      step();
    } catch (error) {
      this.abort();
      const failed = this.#context.broken(error);
      guarded(() => this.#failed(failed), this.#context.broken)();
    }
  }

  /** The next event may need to wait as well. */
  #goOn(then: () => void): void {
    const held = this.#held ?? [];
    this.#held = undefined;
    this.#safely(then);
    // Before the rest is heard, which may ask for a pause of its own.
    this.resume();
    let at = 0;
    while (this.#held === undefined && at < held.length) (held[at++] as () => void)();
    (this.#held as (() => void)[] | undefined)?.unshift(...held.slice(at));
  }
}

/** Most that is believed of an answer. */
const MOST_QUERIES = 100_000;

/** How many statements of a database the answer took, as a tracker says; 0: nobody says. */
function queriesIn({ fields }: ResponseHead): number {
  const said = fieldValue(fields, 'tidegate-queries') ?? '';
  return /^\d{1,9}$/.test(said) ? Math.min(MOST_QUERIES, Number(said)) : 0;
}

/** The origin, with `beforeSending` called for it, at once: it may send whenever it wants. */
function sendingTold(origin: Origin): Origin {
  return {
    forward: (request, listener) => {
      const before = request.beforeSending?.();
      if (before === undefined) return origin.forward(request, listener);
      let forward: Forward | undefined;
      let over = false;
      let paused = false;
      const go = () => {
        if (over) return;
        forward = origin.forward(request, listener);
        if (paused) forward.pause();
      };
      before.then(go, (error) => over || listener.failed(error));
      return {
        pause: () => {
          paused = true;
          forward?.pause();
        },
        resume: () => {
          paused = false;
          forward?.resume();
        },
        abort: () => {
          over = true;
          forward?.abort();
        },
      };
    },
  };
}
