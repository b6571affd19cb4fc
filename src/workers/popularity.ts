// Which URLs are asked for most, so that a schedule fills them first: each isolate counts, and from time to time adds what it
// has counted to the count of the site's object.
//
// A count is an estimate. What an isolate has not told yet goes with it, and so does what the object counted since it last
// wrote the list down; a row for each count would cost more than the answers that it spares.

/** How often each URI was asked for. */
export type Uses = readonly (readonly [uri: string, uses: number])[];

/** URIs that one isolate counts, and those of them that it tells at once. */
const MAX_COUNTED = 500;
const MAX_TOLD = 100;
const TELL_EVERY_MS = 60_000;

/** The counts of one isolate. */
export class UsesHere {
  #counts = new Map<string, number>();
  #toldAtMs: number | undefined;

  note(uri: string): void {
    const count = this.#counts.get(uri);
    if (count !== undefined || this.#counts.size < MAX_COUNTED) this.#counts.set(uri, (count ?? 0) + 1);
  }

  /** What there is to tell now, once; undefined: not yet. `nowMs`: of a clock that does not go back. */
  due(nowMs: number): Uses | undefined {
    this.#toldAtMs ??= nowMs;
    if (nowMs - this.#toldAtMs < TELL_EVERY_MS || this.#counts.size === 0) return undefined;
    this.#toldAtMs = nowMs;
    const told = mostOf(this.#counts, MAX_TOLD);
    this.#counts = new Map();
    return told;
  }
}

const MAX_KEPT = 5_000;
/** A URI that is asked for no more leaves the list within some of these. */
const HALVE_EVERY = 100_000;
const WRITE_EVERY = 20;
const MAX_WRITTEN = 1_000;
const MAX_URI = 2_048;

export interface UsesStorage {
  get(): string | undefined;
  set(text: string): void;
}

/** The counts of a site. */
export class UsesOfSite {
  readonly #storage: UsesStorage;
  #counts: Map<string, number> | undefined;
  #added = 0;
  #unwritten = 0;

  constructor(storage: UsesStorage) {
    this.#storage = storage;
  }

  add(uses: Uses): void {
    const counts = this.#loaded();
    for (const [uri, count] of uses.slice(0, MAX_TOLD)) {
      if (typeof uri !== 'string' || uri.length > MAX_URI || !(count > 0)) continue;
      counts.set(uri, (counts.get(uri) ?? 0) + count);
      this.#added += count;
    }
    if (this.#added > HALVE_EVERY || counts.size > 2 * MAX_KEPT) this.#forget(counts);
    if (++this.#unwritten < WRITE_EVERY) return;
    this.#unwritten = 0;
    this.#storage.set(JSON.stringify(mostOf(counts, MAX_WRITTEN)));
  }

  /** The most used first. */
  most(count: number): readonly string[] {
    return mostOf(this.#loaded(), count).map(([uri]) => uri);
  }

  #loaded(): Map<string, number> {
    this.#counts ??= new Map(JSON.parse(this.#storage.get() ?? '[]') as Uses);
    return this.#counts;
  }

  #forget(counts: Map<string, number>): void {
    this.#counts = new Map(mostOf(counts, MAX_KEPT).map(([uri, count]) => [uri, count / 2] as const));
    this.#added = 0;
  }
}

function mostOf(counts: ReadonlyMap<string, number>, most: number): Uses {
  return [...counts].sort(([, one], [, other]) => other - one).slice(0, most);
}
