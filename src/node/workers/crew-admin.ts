// The admin API of a primary: combines its own knowledge and its workers'.
//
// An invalidation goes through the log of the primary, and so is in force in all workers before it is answered.
// Entries are on the primary's disk and in the memory of each worker: so lists are merged by key, and the number of
// matches is the larger of the two numbers of keys.

import type { AdminDeps, ExplainRequest } from '../../admin/contract.ts';
import type { EntrySummary, InvalidationResult, ListPage, ListQuery } from '../../engine/contract.ts';
import { TidegateError } from '../../errors.ts';
import type { Selector } from '../../ledger/selector.ts';
import type { Metrics } from '../operator/metrics.ts';
import type { Crew } from './crew.ts';
import { CrewSources } from './crew-sources.ts';
import type { Totals } from './totals.ts';

const DEFAULT_LIMIT = 100;

export interface CrewParts {
  readonly crew: Crew;
  readonly totals: Totals;
  readonly metrics: Metrics;
  readonly hasDisk: boolean;
}

type Asked = Parameters<AdminDeps['explainRequest']>[0];

/** `deps`: from the primary's own gate. */
export function crewAdmin(deps: AdminDeps, { crew, totals, metrics, hasDisk }: CrewParts): AdminDeps {
  const asked = new WeakMap<ExplainRequest, Asked>();
  const takeTotals = async () => {
    const figures = await crew.figures();
    totals.update(await deps.gate.stats(), figures);
    return figures;
  };
  return {
    ...deps,
    sources: new CrewSources(deps.sources, crew),
    explainRequest: (request) => {
      const routed = deps.explainRequest(request);
      if (routed !== undefined) asked.set(routed, request);
      return routed;
    },
    metricsText: async () => {
      const figures = await takeTotals();
      return metrics.text(await totals.measured(figures));
    },
    gate: {
      invalidate: async (selector) => matching(crew, await deps.gate.invalidate(selector), { selector, remove: false }),
      purge: async (selector) => matching(crew, await deps.gate.purge(selector), { selector, remove: true }),
      list: (query) => list(deps, crew, query),
      explain: async (request) => {
        const raw = asked.get(request);
        const known = raw === undefined ? [] : await crew.ask<'explain'>({ kind: 'explain', ...raw });
        const stored = known.find((one) => one?.entry !== undefined) ?? known.find((one) => one !== undefined);
        return stored ?? deps.gate.explain(request);
      },
      stats: async () => {
        await takeTotals();
        return totals.stats;
      },
    },
    populate: hasDisk ? deps.populate : withoutBegin(deps.populate),
    tiers: tiersOf(deps, crew, async () => {
      await takeTotals();
      return totals.stats.memory;
    }),
  };
}

/** Without a disk, the workers would never see the primary's fills. */
function withoutBegin(populate: AdminDeps['populate']): AdminDeps['populate'] {
  return {
    begin: () => {
      throw new TidegateError('E_POPULATE', 'expected a disk tier that the workers share, or workers: 1, got neither');
    },
    give: (id, portion) => populate.give(id, portion),
    state: () => populate.state(),
    progress: (id) => populate.progress(id),
    follow: (id, listener) => populate.follow(id, listener),
    cancel: (id) => populate.cancel(id),
  };
}

/** The memory of all workers together, and the primary's disk. */
function tiersOf(
  { tiers }: AdminDeps,
  crew: Crew,
  memoryOfAll: () => Promise<Totals['stats']['memory']>,
): AdminDeps['tiers'] {
  return {
    ...tiers,
    holdings: async () => {
      const holdings = await tiers.holdings();
      const { entries, bytes, maxBytes } = await memoryOfAll();
      return { ...holdings, memory: { entries, bytes, maxBytes } };
    },
    clear: async (what) => {
      if (what !== 'memory') return tiers.clear(what);
      const removed = await crew.ask<'clear'>({ kind: 'clear' });
      return removed.reduce((count, one) => count + one, 0);
    },
  };
}

async function matching(
  crew: Crew,
  own: InvalidationResult,
  what: { readonly selector: Selector; readonly remove: boolean },
): Promise<InvalidationResult> {
  const distinct = new Set<number>();
  for (const hashes of await crew.ask<'matched'>({ kind: 'matched', ...what })) {
    for (const hash of hashes) distinct.add(hash);
  }
  return { position: own.position, matched: Math.max(own.matched, distinct.size) };
}

/** Each page is in the order of the keys, so the first keys overall are among the first of each page. */
async function list(deps: AdminDeps, crew: Crew, query: ListQuery): Promise<ListPage> {
  const pages = [await deps.gate.list(query), ...(await crew.ask<'list'>({ kind: 'list', query }))];
  const byKey = new Map<string, EntrySummary>();
  for (const entry of pages.flatMap(({ entries }) => entries)) {
    const known = byKey.get(entry.key);
    if (known === undefined || entry.stamp > known.stamp) byKey.set(entry.key, entry);
  }
  const { limit = DEFAULT_LIMIT } = query;
  const entries = [...byKey.values()].sort((one, other) => (one.key < other.key ? -1 : 1));
  const page = entries.slice(0, limit);
  const last = page.at(-1);
  const goesOn = entries.length > limit || pages.some(({ next }) => next !== undefined);
  return goesOn && last !== undefined ? { entries: page, next: last.key } : { entries: page };
}
