// Overload of this process: its event loop, its heap, its descriptors. Beyond a bound, requests that would go to an origin get
// 503, while hits go on: a hit costs microseconds, and each forwarded request adds to what is short.
//
// A write that is shed was not sent, so nothing is invalidated for it. An origin stays sound: its circuit breaker
// hears nothing of a shed request.

import { readdir, readFile } from 'node:fs/promises';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { getHeapStatistics } from 'node:v8';
import type { Logger } from 'pino';
import { platformTasks } from '../cache/platform.ts';
import { TidegateError } from '../errors.ts';
import type { Cancel, Forward, Origin, OriginListener, Tasks } from '../ports.ts';
import type { ResolvedConfig } from './config/config.ts';

/** What a process can run short of. */
const PRESSURES = ['event_loop', 'heap', 'descriptors'] as const;

type Pressure = (typeof PRESSURES)[number];

/** Mean delay of the event loop in ms since the reading before; the others as parts of what the process may have. */
export type PressureReading = { readonly [pressure in Pressure]: number };

/** Bounds of a reading; 0: no bound. */
export type PressureBounds = PressureReading;

interface OverloadParts {
  readonly bounds: PressureBounds;
  readonly tasks: Tasks;
  readonly read: () => Promise<PressureReading>;
  /** Called when shedding begins, with what is short, and with nothing when it ends. */
  readonly changed: (short: readonly Pressure[], reading: PressureReading) => void;
  readonly fault: (error: unknown) => void;
}

const READ_EVERY_MS = 500;
/** Shedding ends below this part of the bound, so that it does not begin and end with each reading. */
const RELIEF = 0.8;

/** What is short may have come back by then. */
const SOON = { retryAfterMs: 5_000 };

const NO_FORWARD: Forward = { abort: () => {}, pause: () => {}, resume: () => {} };

export class Overload {
  readonly #parts: OverloadParts;
  #cancel: Cancel = () => {};
  #short: readonly Pressure[] = [];
  #shed = 0;
  #stopped = false;

  constructor(parts: OverloadParts) {
    this.#parts = parts;
  }

  /** Reads again and again, until `stop`. */
  start(): void {
    if (this.#stopped) return;
    this.#cancel = this.#parts.tasks.later(READ_EVERY_MS, () => {
      this.#parts
        .read()
        .then((reading) => this.#judge(reading))
        .catch(this.#parts.fault)
        .finally(() => this.start());
    });
  }

  stop(): void {
    this.#stopped = true;
    this.#cancel();
  }

  /** 1 for what is short. */
  get state(): { readonly [pressure in Pressure]: 0 | 1 } {
    const is = (pressure: Pressure) => (this.#short.includes(pressure) ? 1 : 0);
    return { event_loop: is('event_loop'), heap: is('heap'), descriptors: is('descriptors') };
  }

  /** Whether one more request for an origin is to be refused; it counts then. */
  sheds(): boolean {
    if (this.#short.length === 0) return false;
    this.#shed++;
    return true;
  }

  /** Requests that were not forwarded: clients got a 503, fills and the prober nothing. */
  get shed(): number {
    return this.#shed;
  }

  /** The origin, which is not asked while something is short. */
  guard(origin: Origin): Origin {
    return {
      tellsSending: origin.tellsSending,
      forward: (request, listener) => {
        return this.sheds() ? this.#refuse(listener) : origin.forward(request, listener);
      },
    };
  }

  #refuse(listener: OriginListener): Forward {
    const message = `expected room for one more request to an origin, got a process short of: ${this.#short.join(', ')}`;
    let aborted = false;
    // A listener hears nothing inside forward().
    this.#parts.tasks.soon(() => aborted || listener.failed(new TidegateError('E_OVERLOAD', message, SOON)));
    return {
      ...NO_FORWARD,
      abort: () => {
        aborted = true;
      },
    };
  }

  #judge(reading: PressureReading): void {
    const { bounds, changed } = this.#parts;
    const short = PRESSURES.filter((pressure) => {
      const relief = this.#short.includes(pressure) ? RELIEF : 1;
      return bounds[pressure] > 0 && reading[pressure] >= bounds[pressure] * relief;
    });
    const before = this.#short.join();
    this.#short = short;
    if (short.join() !== before) changed(short, reading);
  }
}

/** Of this process. */
export function overloadOf({ limits }: Pick<ResolvedConfig, 'limits'>, log: Logger): Overload {
  const { eventLoopDelayMs, heap, descriptors } = limits.overload;
  return new Overload({
    bounds: { event_loop: eventLoopDelayMs, heap, descriptors },
    tasks: platformTasks,
    read: processPressure(),
    changed: (shortOf, reading) => {
      if (shortOf.length === 0) log.warn('no longer overloaded: origins are asked again');
      else log.warn({ shortOf, ...reading }, 'overloaded: misses and writes are answered 503, hits go on');
    },
    fault: (error) => log.error({ err: error }, 'the load of this process could not be read'),
  });
}

/** Precision of the measured delay, which every reading of it contains. */
const RESOLUTION_MS = 20;

/** Readings of this process. Descriptors count as 0 where the system does not show them (all but Linux). */
export function processPressure(): () => Promise<PressureReading> {
  const delay = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
  delay.enable();
  let limit: number | undefined;
  return async () => {
    // Nothing measured: the loop was blocked all the time, or has just begun.
    const meanMs = delay.count === 0 ? 0 : delay.mean / 1e6 - RESOLUTION_MS;
    delay.reset();
    const { used_heap_size: used, heap_size_limit: most } = getHeapStatistics();
    const descriptors = await usedPart(async () => {
      limit ??= await descriptorLimit();
      return (await openDescriptors()) / limit;
    });
    return { event_loop: Math.max(0, meanMs), heap: used / most, descriptors };
  };
}

/** To count descriptors takes one: a process that has none left has used all of its own, or of the machine's. */
async function usedPart(count: () => Promise<number>): Promise<number> {
  try {
    return await count();
  } catch (error) {
    if (NONE_LEFT.has((error as NodeJS.ErrnoException).code)) return 1;
    throw error;
  }
}

const NONE_LEFT: ReadonlySet<string | undefined> = new Set(['EMFILE', 'ENFILE']);

async function openDescriptors(): Promise<number> {
  if (process.platform !== 'linux') return 0;
  return (await readdir('/proc/self/fd')).length;
}

/** The soft limit, which the process cannot exceed. */
async function descriptorLimit(): Promise<number> {
  if (process.platform !== 'linux') return Number.POSITIVE_INFINITY;
  const soft = /^Max open files +(\d+)/m.exec(await readFile('/proc/self/limits', 'utf8'))?.[1];
  return soft === undefined ? Number.POSITIVE_INFINITY : Number(soft);
}
