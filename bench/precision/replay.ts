// Replays one workload: the same requests and writes against all caches at once, each answer judged by what the database
// answers at that moment.
//
// An entry that is outdated and never asked for would not be noticed. So from time to time all that
// ours keeps is compared too.

import { Dice } from '../../test/sim/dice.ts';
import { type Answer, Database } from './database.ts';
import { byDependencies, byTags, type Cache, type Dropped, type Entry, timeToLive } from './strategies.ts';
import { isKeyExact } from './templates.ts';
import type { Page, Workload } from './workload.ts';

export interface CacheFigures {
  readonly name: string;
  hits: number;
  /** Hits with an answer that was no longer the database's. */
  outdated: number;
  invalidated: number;
  /** Of them: the page answers the same as before. */
  needless: number;
  originQueries: number;
  /** Queries run beside them, to know what their joins can find. */
  lookups: number;
}

/** Of one template, in ours: how often it was said to be affected, and was not. */
export interface TemplateFigures {
  readonly name: string;
  readonly isKeyExact: boolean;
  readonly fallbacks: readonly string[];
  named: number;
  needless: number;
  /** Needless ones by what was said to affect it. */
  readonly reasons: Map<string, number>;
}

export interface WorkloadFigures {
  readonly name: string;
  reads: number;
  writes: number;
  changes: number;
  urls: number;
  /** Entries that ours kept and that had changed, found by looking at all of them. */
  swept: number;
  outdatedInSweeps: number;
  readonly caches: readonly CacheFigures[];
  readonly templates: ReadonlyMap<string, TemplateFigures>;
}

export interface ReplayOptions {
  readonly requests: number;
  readonly requestsPerSecond: number;
  readonly ttlMs: number;
  readonly seed: number;
}

const SWEEPS = 5;

export function replay(workload: Workload, options: ReplayOptions): WorkloadFigures {
  const dice = new Dice(options.seed);
  const one = new Replay(new Database(workload.schema, workload.rows(dice)), workload.name, options);
  const { reads, writes } = workload.requests(dice);
  const weights = Object.fromEntries(
    Object.entries({ ...reads, ...writes }).map(([name, { weight }]) => [name, weight]),
  );
  for (let at = 0; at < options.requests; at++) {
    const name = dice.weighted(weights);
    const read = reads[name];
    if (read === undefined) one.write(() => writes[name]?.write() ?? []);
    else one.read(read.page(), (at * 1_000) / options.requestsPerSecond);
    if ((at + 1) % Math.ceil(options.requests / SWEEPS) === 0) one.sweep();
  }
  one.sweep();
  return one.close();
}

class Replay {
  readonly figures: WorkloadFigures;
  readonly #database: Database;
  readonly #caches: readonly Cache[];
  readonly #ours: Cache;
  readonly #templates = new Map<string, TemplateFigures>();
  /** What each page answers, and as of which write. */
  readonly #truths = new Map<string, { readonly answer: Answer; readonly writes: number }>();

  constructor(database: Database, name: string, { ttlMs }: ReplayOptions) {
    this.#database = database;
    this.#ours = byDependencies({ name: 'tidegate', usesLookups: true });
    const plain = byDependencies({ name: 'without lookups', usesLookups: false });
    const answerNow = ({ answer }: Entry) => this.#truth(answer.page);
    const oracle = byDependencies({ name: 'oracle', usesLookups: true, answerNow });
    this.#caches = [timeToLive(ttlMs), byTags('table'), byTags('key'), plain, this.#ours, oracle];
    const zero = { lookups: 0, hits: 0, outdated: 0, invalidated: 0, needless: 0, originQueries: 0 };
    const caches = this.#caches.map((cache) => ({ name: cache.name, ...zero }));
    const counts = { reads: 0, writes: 0, changes: 0, urls: 0, swept: 0, outdatedInSweeps: 0 };
    this.figures = { name, ...counts, caches, templates: this.#templates };
  }

  read(page: Page, nowMs: number): void {
    this.figures.reads++;
    const answer = this.#truth(page);
    for (const [at, cache] of this.#caches.entries()) {
      const figures = this.figures.caches[at] as CacheFigures;
      const entry = cache.find(page.url, nowMs);
      if (entry === undefined) {
        figures.originQueries += answer.queries.length;
        if (cache === this.#ours) figures.lookups += lookupsOf(answer);
        cache.store({ answer, storedMs: nowMs });
        continue;
      }
      figures.hits++;
      if (entry.answer.text !== answer.text) figures.outdated++;
    }
  }

  write(makeWrite: () => Parameters<Database['write']>[0]): void {
    const changes = this.#database.write(makeWrite());
    this.figures.writes++;
    this.figures.changes += changes.length;
    for (const [at, cache] of this.#caches.entries()) {
      const figures = this.figures.caches[at] as CacheFigures;
      for (const dropped of cache.apply(changes)) {
        figures.invalidated++;
        if (!this.#hasChanged(dropped.entry)) figures.needless++;
        if (cache === this.#ours) this.#judgeQueries(dropped);
      }
    }
  }

  /** Looks at all that ours keeps. */
  sweep(): void {
    for (const entry of this.#ours.entries()) {
      this.figures.swept++;
      if (this.#hasChanged(entry)) this.figures.outdatedInSweeps++;
    }
  }

  close(): WorkloadFigures {
    this.figures.urls = this.#truths.size;
    this.#database.close();
    return this.figures;
  }

  #judgeQueries({ entry, queries }: Dropped): void {
    const now = this.#truth(entry.answer.page);
    for (const [at, reason] of queries ?? []) {
      const before = entry.answer.queries[at] as Answer['queries'][number];
      const figures = this.#templateOf(before);
      figures.named++;
      if (before.text !== now.queries[at]?.text) continue;
      figures.needless++;
      figures.reasons.set(reason, (figures.reasons.get(reason) ?? 0) + 1);
    }
  }

  #templateOf({ name, template }: Answer['queries'][number]): TemplateFigures {
    const known = this.#templates.get(name);
    if (known !== undefined) return known;
    const fallbacks = template.fallbacks.map(({ fallback, what }) => `${fallback} (${what})`);
    const made = { name, isKeyExact: isKeyExact(template), fallbacks, named: 0, needless: 0, reasons: new Map() };
    this.#templates.set(name, made);
    return made;
  }

  #hasChanged({ answer }: Entry): boolean {
    return this.#truth(answer.page).text !== answer.text;
  }

  #truth(page: Page): Answer {
    const known = this.#truths.get(page.url);
    if (known?.writes === this.figures.writes) return known.answer;
    const answer = this.#database.answer(page);
    this.#truths.set(page.url, { answer, writes: this.figures.writes });
    return answer;
  }
}

function lookupsOf({ queries }: Answer): number {
  return queries.reduce((sum, { lookups }) => sum + lookups.length, 0);
}
