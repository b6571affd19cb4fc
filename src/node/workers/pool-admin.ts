// The admin API of a primary: combines its own knowledge and its workers'.
//
// An invalidation goes through the log of the primary, and so is in force in all workers before it is answered.
// Entries are on the primary's disk and in the memory of each worker: so lists are merged by key, and the number of
// matches is the larger of the two numbers of keys.

import type { AdminDeps, ExplainRequest, SourceApi, TierApi } from '../../admin/contract.ts';
import type { OriginHealth } from '../../admin/stats-contract.ts';
import { platformTasks } from '../../cache/platform.ts';
import type { EntrySummary, GateStats, InvalidationResult, ListPage, ListQuery } from '../../engine/contract.ts';
import type { Proof } from '../../engine/prober/prove.ts';
import type { SourceReply } from '../../engine/source-leases.ts';
import { added } from '../../engine/statistics/counts.ts';
import { TidegateError } from '../../errors.ts';
import type { Selector } from '../../ledger/selector.ts';
import type { Metrics } from '../operator/metrics.ts';
import { PoolTail } from '../operator/tail.ts';
import { topOf } from '../operator/top-urls.ts';
import type { Totals } from './totals.ts';
import type { WorkerPool } from './worker-pool.ts';
import type { CallArgument, Figures } from './worker-process.ts';

const DEFAULT_LIMIT = 100;

interface PoolParts {
  readonly pool: WorkerPool;
  readonly totals: Totals;
  readonly metrics: Metrics;
  readonly hasDisk: boolean;
}

type PoolDeps = Omit<AdminDeps, 'history'>;

/** `deps`: from the primary's own gate. */
export function poolAdmin(deps: PoolDeps, { pool, totals, metrics, hasDisk }: PoolParts): PoolDeps {
  const asked = new WeakMap<ExplainRequest, CallArgument<'explain'>>();
  const takeTotals = async () => {
    const figures = await pool.figures();
    totals.update({ stats: await deps.gate.stats(), counts: await deps.gate.counts() }, figures);
    return figures;
  };
  const populateState = async () => {
    await takeTotals();
    const { prediction } = totals;
    return { ...(await deps.populate.state()), ...(prediction && { prediction }) };
  };
  const stats = async () => {
    await takeTotals();
    return totals.stats;
  };
  return {
    ...deps,
    ...{ sources: poolSources(deps.sources, pool), tail: tailOf(pool), prober: poolProber(deps.prober, pool) },
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
      invalidate: async (selector) => matching(pool, await deps.gate.invalidate(selector), { selector, remove: false }),
      purge: async (selector) => matching(pool, await deps.gate.purge(selector), { selector, remove: true }),
      list: (query) => list(deps, pool, query),
      explain: async (request) => {
        const raw = asked.get(request);
        const known = raw === undefined ? [] : await pool.ask('explain', raw);
        const stored = known.find((one) => one?.entry !== undefined) ?? known.find((one) => one !== undefined);
        return stored ?? deps.gate.explain(request);
      },
      stats,
      counts: async () => {
        await takeTotals();
        return totals.counts;
      },
    },
    topUrls: async () => topOf((await pool.figures()).map(({ urls }) => urls)),
    origins: async () => healthOfAll(await deps.origins(), await pool.figures()),
    populate: poolPopulate(deps.populate, populateState, hasDisk),
    tiers: poolTiers(deps.tiers, pool, stats),
  };
}

function poolTiers(own: TierApi, pool: WorkerPool, stats: () => Promise<GateStats>): TierApi {
  return {
    ...own,
    holdings: async () => {
      const holdings = await own.holdings();
      const { entries, bytes, maxBytes } = (await stats()).memory;
      return { ...holdings, memory: { entries, bytes, maxBytes } };
    },
    clear: async (what) => {
      if (what !== 'memory') return own.clear(what);
      return (await pool.ask('clear', undefined)).reduce((count, one) => count + one, 0);
    },
  };
}

function tailOf(pool: WorkerPool): PoolTail {
  return new PoolTail(platformTasks, (filters) => pool.ask('tail', filters));
}

function poolProber({ settings }: AdminDeps['prober'], pool: WorkerPool): AdminDeps['prober'] {
  return {
    settings,
    examples: async () => {
      const found = (await pool.ask('outdated', undefined)).flat();
      return found.sort((one, other) => other.servedAtMs - one.servedAtMs);
    },
    prove: async (asked) => worst(await pool.ask('prove', asked)),
  };
}

const WORST_FIRST: readonly Proof['verdict'][] = ['outdated', 'unstable', 'undecided', 'failed', 'same', 'fresh'];

/** Each worker has a memory of its own, and a client comes to any of them. */
function worst(proofs: readonly (Proof | undefined)[]): Proof | undefined {
  const known = proofs.filter((proof) => proof !== undefined);
  return WORST_FIRST.map((verdict) => known.find((proof) => proof.verdict === verdict)).find(
    (proof) => proof !== undefined,
  );
}

function healthOfAll(own: readonly OriginHealth[], workers: readonly Figures[]): readonly OriginHealth[] {
  const all = [own, ...workers.map(({ origins }) => origins)].map((some) => {
    return Object.fromEntries(some.map(({ origin, ...health }) => [origin, health]));
  });
  return Object.entries(all.reduce(added)).map(([origin, health]) => ({ origin, ...health }));
}

function poolPopulate(
  populate: AdminDeps['populate'],
  state: AdminDeps['populate']['state'],
  hasDisk: boolean,
): AdminDeps['populate'] {
  return {
    begin: (start) => {
      if (hasDisk) return populate.begin(start);
      // The workers would never see the primary's fills.
      throw new TidegateError('E_POPULATE', 'expected a disk tier that the workers share, or workers: 1, got neither');
    },
    give: (id, portion) => populate.give(id, portion),
    state,
    progress: (id) => populate.progress(id),
    follow: (id, listener) => populate.follow(id, listener),
    cancel: (id) => populate.cancel(id),
    hooks: () => populate.hooks(),
  };
}

async function matching(
  pool: WorkerPool,
  own: InvalidationResult,
  what: { readonly selector: Selector; readonly remove: boolean },
): Promise<InvalidationResult> {
  const hashes = await pool.ask('matched', what);
  const distinct = new Set(hashes.flatMap((some) => [...some]));
  return { position: own.position, matched: Math.max(own.matched, distinct.size) };
}

/** Each page is in the order of the keys, so the first keys overall are among the first of each page. */
async function list(deps: PoolDeps, pool: WorkerPool, query: ListQuery): Promise<ListPage> {
  const pages = [await deps.gate.list(query), ...(await pool.ask('list', query))];
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

interface SourcePool {
  /** Asks every worker, including new ones; `worker` identifies it for its whole life. One that ends meanwhile gives no answer. */
  askEach(
    call: 'report',
    given: (worker: object) => CallArgument<'report'>,
  ): Promise<readonly { readonly worker: object; readonly answer: SourceReply }[]>;
}

/** Tokens kept for one source: its tracker repeats the last, or the one before. */
const MAX_TOKENS = 4;

/**
 * A tracker's reports to a gate of several processes: in force in all of them before the answer. Each process has a lease of
 * its own, since each has a clock of its own. So each worker gives its own token, and the primary's token stands for all
 * workers' tokens given with it, before the tracker gets the answer. Trackers get the primary's questions only.
 *
 * `own`: the primary's gate; its invalidations apply to all workers.
 */
export function poolSources(own: SourceApi, pool: SourcePool): SourceApi {
  /** Workers' tokens by source and by the primary's token. */
  const given = new Map<string, Map<string, ReadonlyMap<object, string>>>();
  return {
    sources: () => own.sources(),
    askSource: (...asked) => own.askSource(...asked),
    reportSource: async (report) => {
      const { source, token } = report;
      const known = given.get(source) ?? new Map<string, ReadonlyMap<object, string>>();
      const before = token === undefined ? undefined : known.get(token);
      const reply = await own.reportSource(report);
      const answers = await pool.askEach('report', (worker) => {
        // The outdated tags are outdated for all workers already.
        const { token: _, answers: __, ...rest } = report;
        const repeated = before?.get(worker);
        const told = { ...rest, tags: [], ...(repeated !== undefined && { token: repeated }) };
        return { report: told, outdated: report.tags };
      });
      known.set(reply.token, new Map(answers.map(({ worker, answer }) => [worker, answer.token])));
      for (const old of [...known.keys()].slice(0, -MAX_TOKENS)) known.delete(old);
      given.set(source, known);
      return { ...reply, gap: reply.gap || answers.some(({ answer }) => answer.gap) };
    },
  };
}
