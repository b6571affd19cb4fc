// Mutants of the gate on Workers: one rule taken out. Some seed of the scenarios must catch each. The rules of the ledger are
// among them, as far as requests on Workers can break them: a fill is nobody's but its request's there.

import { LEDGER_MUTANTS } from '../../ledger/mutants.ts';
import type { SourceEdit } from '../../sim/source-edits.ts';
import { WORKERS_CACHE_MUTANTS } from '../cache-race/mutants.ts';
import type { Cell } from './cells.ts';

export interface WorkersMutant {
  readonly name: string;
  /** Names of the scenarios that are run, in turn, until one finds something. */
  readonly scenarios: readonly string[];
  readonly edits: readonly SourceEdit[];
  /** Cells that show it where chance seldom does. */
  readonly cells?: { readonly victim: Cell['victim']; readonly happenings: readonly Cell['happening'][] };
}

function mutant(
  name: string,
  { file, scenarios }: { readonly file: string; readonly scenarios: readonly string[] },
  ...edits: readonly (readonly [find: string, replace: string])[]
): WorkersMutant {
  return { name, scenarios, edits: edits.map(([find, replace]) => ({ file: `src/${file}`, find, replace })) };
}

const MEMBER = 'log/lease/member.ts';
const HELD = 'log/lease/held-lease.ts';
const KEEPER = 'log/lease/keeper.ts';
const GRANTS = 'log/lease/grants.ts';
const GATE = 'workers/gate.ts';
const SHARDS = 'workers/shards.ts';
const CURRENT = 'takes every entry for current';

/** Of the ledger: those that a read, a write or an invalidation by tag or URL can show. */
const OF_LEDGER: Readonly<Record<string, readonly string[]>> = {
  'stores what was invalidated since, under the stamp of that moment': ['slow origin'],
  'takes every entry for current': ['lease'],
  'compares an entry once and never again': ['lease'],
  'forgets an invalidation by tag': ['lease'],
};

export const WORKERS_MUTANTS: readonly WorkersMutant[] = [
  ...LEDGER_MUTANTS.flatMap(({ name, edits }) => {
    const scenarios = OF_LEDGER[name];
    return scenarios === undefined ? [] : [{ name, scenarios, edits }];
  }),
  ...['KV alone', 'Cache API alone'].map((tier) => ({
    ...(LEDGER_MUTANTS.find(({ name }) => name === CURRENT) as (typeof LEDGER_MUTANTS)[0]),
    name: `${CURRENT}: ${tier}`,
    scenarios: [tier],
  })),
  // A race of their own has them, too; here the whole gate is around them. One of them shows too seldom here.
  ...WORKERS_CACHE_MUTANTS.filter(({ name }) => !name.startsWith('takes what a tier below')).map(({ name, edits }) => ({
    name: `Workers Cache: ${name}`,
    scenarios: ['Workers Cache', 'Workers Cache, late fills', 'Workers Cache before Cache API'],
    edits,
  })),
  mutant('looks at no lease', { file: MEMBER, scenarios: ['lease', 'bounded'] }, [
    'return this.ended === undefined && this.#lease.isValid;',
    'return this.ended === undefined && this.#replica.known !== undefined;',
  ]),
  mutant('looks at no lease, strict', { file: MEMBER, scenarios: ['strict'] }, [
    'return this.ended === undefined && this.#lease.isValid;',
    'return this.ended === undefined && this.#replica.known !== undefined;',
  ]),
  mutant('looks at no lease, bounded', { file: MEMBER, scenarios: ['bounded'] }, [
    'return this.ended === undefined && this.#lease.isValid;',
    'return this.ended === undefined && this.#replica.known !== undefined;',
  ]),
  mutant('counts a lease from the reply', { file: HELD, scenarios: ['slow answers of the coordinator'] }, [
    'const endMs = sentAtMs + leaseMs;',
    'void sentAtMs; const endMs = this.#now() + leaseMs;',
  ]),
  mutant('acknowledges before leases have run out', { file: KEEPER, scenarios: ['lease'] }, [
    'const acknowledged = isAwaited ? grants.known(log.place.number, member) : undefined;',
    'const acknowledged = undefined; void isAwaited;',
  ]),
  mutant('forgets at a restart what was granted', { file: GRANTS, scenarios: ['coordinator restarted'] }, [
    'if (earlierMs > 0) this.granted(EARLIER, earlierMs);',
    'void earlierMs;',
  ]),
  mutant(
    'takes whoever asks for one who knows',
    { file: KEEPER, scenarios: ['slow coordinator', 'lost calls and answers'] },
    ['grants.confirmed(member, known.number);', 'grants.confirmed(member, log.place.number);'],
  ),
  mutant('drops the last change of a reply', { file: 'log/lease/replica.ts', scenarios: ['lease'] }, [
    'for (const [position, change] of changes.slice(changes.length - missing)) this.#force(position, change);',
    'for (const [position, change] of changes.slice(changes.length - missing, -1)) this.#force(position, change);',
  ]),
  mutant('sends a write though its intent is not logged', { file: SHARDS, scenarios: ['all of it'] }, [
    'intentsInForce: () => log.opened(),',
    '',
  ]),
  mutant('sends a write without a log', { file: GATE, scenarios: ['coordinator down'] }, [
    'if (shard === undefined && !isSafeMethod(request.method)) return plain(503, UNLOGGED);',
    '',
  ]),
  mutant('answers a write whose invalidation is not logged', { file: SHARDS, scenarios: ['lost calls and answers'] }, [
    'answersUnlogged: false,',
    'answersUnlogged: true,',
  ]),
  {
    ...mutant('lets requests wait for the fills of others', { file: SHARDS, scenarios: [] }, [
      'joins: false,',
      'joins: true,',
    ]),
    cells: { victim: 'fill', happenings: ['cut'] },
  },
  {
    ...mutant('forgets a write whose isolate has vanished', { file: KEEPER, scenarios: [] }, [
      "this.#write(isOver ? [invalidated, { kind: 'close', intent: kept.intent }] : [invalidated]);",
      "if (isOver) this.#write([{ kind: 'close', intent: kept.intent }]); void invalidated;",
    ]),
    cells: { victim: 'PUT', happenings: ['dropped'] },
  },
];
