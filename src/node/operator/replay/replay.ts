// Replays a log through several gates at once, one for each lifetime, and sums up what each would have had.
//
// Where a log does not say which requests had credentials, each gate runs twice: as if none of these had had any, and as if all had.
// What is true lies between.

import type { ResolvedConfig } from '../../config/config.ts';
import { GateReplay, type ReplayFigures } from './gate-replay.ts';
import type { LogRecord } from './log-record.ts';
import type { LogLine } from './read-log.ts';

export interface Lifetime {
  /** As it was written, or `routes`. */
  readonly name: string;
  /** Undefined: those of the routes. */
  readonly ttlMs: number | undefined;
}

export interface ReplayOptions {
  readonly config: ResolvedConfig;
  readonly host: string;
  readonly lifetimes: readonly Lifetime[];
  /** Requests whose credentials are not known had none. */
  readonly isAnonymous: boolean;
}

/** What one gate would have had. Times in ms, `originMs` estimated where not every request has its time. */
export interface Outlook {
  readonly hitRatio: number;
  readonly byteHitRatio: number;
  readonly originRequests: number;
  readonly originMs: number | null;
  readonly bypassed: number;
  readonly peakBytes: number;
  readonly evictions: number;
}

export interface ReplayReport {
  readonly requests: number;
  readonly urls: number;
  readonly fromMs: number | null;
  readonly toMs: number | null;
  /** What the origin did without a gate. */
  readonly originMs: number | null;
  /** Requests with a time. */
  readonly timed: number;
  /** Requests that no route takes, or that are not sound. */
  readonly refused: number;
  /** Requests of which the log does not say whether they had credentials. */
  readonly unknownCredentials: number;
  /** Answers whose fields the log does not show. */
  readonly withoutFields: number;
  readonly unread: {
    readonly lines: number;
    readonly examples: readonly { readonly line: number; readonly expected: string; readonly got: string }[];
  };
  readonly memoryBytes: number;
  /** `most`: as if no request of unknown credentials had had any; `least`, where there are such: as if all had. */
  readonly lifetimes: readonly { readonly ttl: string; readonly most: Outlook; readonly least?: Outlook }[];
}

const MAX_EXAMPLES = 3;
const MAX_EXAMPLE_CHARS = 120;

export async function replay(lines: AsyncIterable<LogLine>, options: ReplayOptions): Promise<ReplayReport> {
  const { config, host, isAnonymous } = options;
  const gateOf = (ttlMs: number | undefined, unknownHasCredentials: boolean) =>
    new GateReplay({ config, host, ttlMs, unknownHasCredentials });
  const gates = options.lifetimes.map(({ name, ttlMs }) => ({
    name,
    most: gateOf(ttlMs, false),
    least: gateOf(ttlMs, true),
  }));
  const seen = new Seen();
  for await (const line of lines) {
    const { record } = line;
    if (typeof record === 'string') {
      seen.unread(line, record);
      continue;
    }
    seen.record(record);
    for (const { most, least } of gates) {
      most.run(record);
      if (!isAnonymous) least.run(record);
    }
  }
  const isRange = !isAnonymous && seen.unknownCredentials > 0;
  return {
    ...seen.report(),
    refused: gates[0]?.most.figures.refused ?? 0,
    memoryBytes: config.memory.maxBytes,
    lifetimes: gates.map(({ name, most, least }) => ({
      ttl: name,
      most: outlookOf(most.figures),
      ...(isRange && { least: outlookOf(least.figures) }),
    })),
  };
}

/** What the log itself says. */
class Seen {
  unknownCredentials = 0;
  #requests = 0;
  #from = Number.POSITIVE_INFINITY;
  #to = Number.NEGATIVE_INFINITY;
  #originMs = 0;
  #timed = 0;
  #withoutFields = 0;
  #unread = 0;
  readonly #urls = new Set<string>();
  readonly #examples: { line: number; expected: string; got: string }[] = [];

  record({ timeMs, host = '', target, identity, originMs, hasCredentials, fields, responseFields }: LogRecord): void {
    this.#requests++;
    this.#from = Math.min(this.#from, timeMs);
    this.#to = Math.max(this.#to, timeMs);
    this.#urls.add(identity ?? host + target);
    if (fields === undefined && hasCredentials === undefined) this.unknownCredentials++;
    if (responseFields === undefined) this.#withoutFields++;
    if (originMs === undefined) return;
    this.#originMs += originMs;
    this.#timed++;
  }

  unread({ number, text }: LogLine, expected: string): void {
    this.#unread++;
    if (this.#examples.length >= MAX_EXAMPLES) return;
    this.#examples.push({ line: number, expected, got: text.slice(0, MAX_EXAMPLE_CHARS) });
  }

  report() {
    const isEmpty = this.#requests === 0;
    return {
      requests: this.#requests,
      urls: this.#urls.size,
      fromMs: isEmpty ? null : this.#from,
      toMs: isEmpty ? null : this.#to,
      originMs: estimate(this.#originMs, this.#timed, this.#requests),
      timed: this.#timed,
      unknownCredentials: this.unknownCredentials,
      withoutFields: this.#withoutFields,
      unread: { lines: this.#unread, examples: this.#examples },
    };
  }
}

function outlookOf(figures: ReplayFigures): Outlook {
  const { requests, hits, bytes, hitBytes, originRequests, originMs, timed } = figures;
  const { bypassed, peakBytes, evictions } = figures;
  return {
    hitRatio: requests === 0 ? 0 : hits / requests,
    byteHitRatio: bytes === 0 ? 0 : hitBytes / bytes,
    originRequests,
    originMs: estimate(originMs, timed, originRequests),
    ...{ bypassed, peakBytes, evictions },
  };
}

/** Those without a time count as the mean of the others. */
function estimate(ms: number, timed: number, all: number): number | null {
  if (all === 0) return 0;
  return timed === 0 ? null : Math.round((ms * all) / timed);
}
