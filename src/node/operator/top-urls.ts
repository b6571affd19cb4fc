// Which URLs get most hits, most misses, and make clients wait most: of the last five to ten minutes, in a bounded table.
//
// While there is much to count, one of sixteen hits is counted, for all: a hit must not pay for a look-up by its URL. URLs are as
// many as clients like to send, so a full table drops its rarer half: what is asked for often stays (Manku and Motwani, "Approximate
// Frequency Counts over Data Streams", 2002).

import type { TopUrls, UrlFigures } from '../../admin/stats-contract.ts';
import type { OutcomeClass } from '../../engine/outcome-class.ts';
import type { Clock } from '../../ports.ts';

const SPAN_MS = 5 * 60_000;
const MAX_URLS = 1_000;
/** Of each order. */
const MAX_TOLD = 50;
const MAX_URL = 500;
/** Hits in a span that are counted one by one. */
const FEW_HITS = 2_000;
const EACH = 16;

type Counts = { -readonly [name in keyof Omit<UrlFigures, 'url'>]: number };
type Table = Map<string, Counts>;

export interface TopUrlsParts {
  readonly clock: Pick<Clock, 'monotonic'>;
  /** From 0 to below 1. */
  readonly random: () => number;
  /** How a URI is shown. */
  readonly shown: (uri: string) => string;
}

export class UrlCounter {
  readonly #parts: TopUrlsParts;
  #table: Table = new Map();
  #before: Table = new Map();
  #beganMs: number;
  #beforeBeganMs: number;
  #hits = 0;
  #skip = 1;

  constructor(parts: TopUrlsParts) {
    this.#parts = parts;
    this.#beganMs = this.#beforeBeganMs = parts.clock.monotonic();
  }

  /** An exchange is over, after so long. */
  ended(kind: OutcomeClass, uri: string, ms: number): void {
    if (kind === 'hit' || kind === 'stale') {
      if (--this.#skip > 0) return;
      const each = this.#hits < FEW_HITS ? 1 : EACH;
      // Not each sixteenth: clients may ask in turns of just so many.
      this.#skip = each === 1 ? 1 : 1 + Math.floor(this.#parts.random() * (2 * EACH - 1));
      this.#countsOf(uri).hits += each;
      this.#hits += each;
    } else if (kind !== 'error' && kind !== 'refused') {
      const counts = this.#countsOf(uri);
      counts[kind === 'bypass' ? 'passes' : 'misses']++;
      counts.waitedMs += ms;
    }
  }

  figures(): TopUrls {
    this.#turn();
    return topOf([
      { sinceMs: 0, urls: listed(this.#before) },
      { sinceMs: this.#parts.clock.monotonic() - this.#beforeBeganMs, urls: listed(this.#table) },
    ]);
  }

  #countsOf(uri: string): Counts {
    this.#turn();
    const url = this.#parts.shown(uri).slice(0, MAX_URL);
    const known = this.#table.get(url);
    if (known !== undefined) return known;
    if (this.#table.size >= MAX_URLS) this.#table = commoner(this.#table);
    const counts = { hits: 0, misses: 0, passes: 0, waitedMs: 0 };
    this.#table.set(url, counts);
    return counts;
  }

  #turn(): void {
    const now = this.#parts.clock.monotonic();
    if (now - this.#beganMs < SPAN_MS) return;
    // Of a pause longer than a span nothing is left that is recent.
    this.#before = now - this.#beganMs < 2 * SPAN_MS ? this.#table : new Map();
    this.#beforeBeganMs = now - this.#beganMs < 2 * SPAN_MS ? this.#beganMs : now;
    this.#table = new Map();
    this.#beganMs = now;
    this.#hits = 0;
  }
}

const answers = ({ hits, misses, passes }: Counts) => hits + misses + passes;
const ORDERS: readonly ((counts: Counts) => number)[] = [
  answers,
  ({ misses, passes }) => misses + passes,
  ({ waitedMs }) => waitedMs,
];

function commoner(table: Table): Table {
  const most = [...table].sort(([, one], [, other]) => answers(other) - answers(one));
  return new Map(most.slice(0, MAX_URLS / 2));
}

function listed(table: Table): UrlFigures[] {
  return [...table].map(([url, counts]) => ({ url, ...counts }));
}

/** The first of all orders, of several counters together. */
export function topOf(all: readonly TopUrls[]): TopUrls {
  const table: Table = new Map();
  for (const { url, ...counts } of all.flatMap(({ urls }) => urls)) {
    const known = table.get(url) ?? { hits: 0, misses: 0, passes: 0, waitedMs: 0 };
    for (const name of Object.keys(counts) as (keyof Counts)[]) known[name] += counts[name];
    table.set(url, known);
  }
  const every = listed(table);
  const first = ORDERS.map((order) => every.toSorted((one, other) => order(other) - order(one)).slice(0, MAX_TOLD));
  const urls = [...new Set(first.flat())].sort((one, other) => answers(other) - answers(one));
  return { sinceMs: Math.max(0, ...all.map(({ sinceMs }) => sinceMs)), urls };
}
