// The races that end with a kill: the process ends at an instant of a fill, an invalidation or a write, and another begins on
// its disk. What was acknowledged holds for all that it answers.
//
// An invalidation under way may be in force afterwards or not; a write that
// was under way has an unknown outcome, and its URI is invalidated as the next process begins.

import type { Client } from '../kit/clients.ts';
import type { DiskTiers } from '../kit/disk-gate.ts';
import { KINDS, type Kind } from './kinds.ts';
import { type RaceBench, raceBench, turns, versionOf } from './race-bench.ts';
import { STAGES } from './race-origin.ts';

const RESTART_TIERS: readonly DiskTiers[] = ['disk', 'memory+disk'];

/** What becomes known of the change, and how far that has come at the kill. */
const CHANGES = [
  'invalidated before the kill',
  'invalidated as the kill comes',
  'written, and answered before the kill',
  'written, and answered as the kill comes',
  'written, and not answered',
  'sent, and carried out after the start',
] as const;
type Change = (typeof CHANGES)[number];

export interface RestartCell {
  readonly tiers: DiskTiers;
  readonly kind: Kind;
  readonly change: Change;
  /** How far the fill has come when the change is made, and at the kill. */
  readonly changedAt: number;
  readonly killedAt: number;
  /** Turns of promises between the asking and the kill, where it comes in between. */
  readonly turns: number;
}

export function restartCellName({ tiers, kind, change, changedAt, killedAt, turns: after }: RestartCell): string {
  return `${change} × ${kind.name}: changed ${STAGES[changedAt]}, killed ${STAGES[killedAt]}, ${after} turns; ${tiers}`;
}

/** Stages of a fill at which it is killed; those of a body are alike to a disk. */
const STAGE_STEPS = [0, 1, 2, 5] as const;
const TURNS_BEFORE_THE_KILL = [0, 1, 2, 4, 8] as const;

/** Every other one has no memory. */
export function restartCells(): RestartCell[] {
  const cells: RestartCell[] = [];
  const add = (cell: Omit<RestartCell, 'tiers'>) => {
    cells.push({ ...cell, tiers: RESTART_TIERS[cells.length % RESTART_TIERS.length] as DiskTiers });
  };
  for (const kind of KINDS.filter(({ trouble }) => trouble === undefined)) {
    for (const change of CHANGES) {
      for (const changedAt of STAGE_STEPS) {
        if (change.endsWith('as the kill comes')) {
          for (const after of TURNS_BEFORE_THE_KILL)
            add({ kind, change, changedAt, killedAt: changedAt, turns: after });
        } else {
          const killed = STAGE_STEPS.filter((at) => at === changedAt || at === 5);
          for (const killedAt of killed) add({ kind, change, changedAt, killedAt, turns: 0 });
        }
      }
    }
  }
  return cells;
}

/** What was wrong; none: nothing. */
export async function runRestart(cell: RestartCell): Promise<string[]> {
  const bench = await raceBench(cell.tiers);
  await cell.kind.prime(bench);
  try {
    return await race(cell, bench);
  } catch (error) {
    return [`threw ${error instanceof Error ? error.message : String(error)}`];
  }
}

async function race(cell: RestartCell, bench: RaceBench): Promise<string[]> {
  const { kind, change, changedAt, killedAt } = cell;
  const { origin } = bench;
  if (kind.populates) bench.populate(kind.asks);
  else bench.ask(kind.asks);
  await turns();
  const fill = origin.last;
  fill.to(STAGES[changedAt] as (typeof STAGES)[number]);
  await bench.settle();
  const made = await makeChange(cell, bench);
  fill.to(STAGES[killedAt] as (typeof STAGES)[number]);
  if (killedAt > changedAt) await bench.settle();
  // A disk writes rows together, after a while.
  if (made.acknowledged) bench.time.advance(60);
  const next = await bench.restart();
  const problems: string[] = [];
  if (change === 'sent, and carried out after the start') {
    await judge(next, { least: 1, problems, who: 'a request before the write is carried out' });
    origin.version = 2;
    bench.time.advance(31_000);
    await next.settle();
  } else if (!made.known) {
    await judge(next, { least: 1, problems, who: 'a request after the start' });
    await next.gate.invalidate({ kind: 'url', uri: 'http://example.org/a' });
  }
  await judge(next, { least: 2, problems, who: 'a request after all is known' });
  bench.time.advance(31_000);
  await next.settle();
  await judge(next, { least: 2, problems, who: 'a request after the hold' });
  const last = await judge(next, { least: 2, problems, who: 'the last request' });
  if (last.outcome?.hit !== true) problems.push('the key does not become a hit again');
  return problems;
}

/** `known`: whoever begins must know of it. */
async function makeChange(
  { change, turns: after }: RestartCell,
  bench: RaceBench,
): Promise<{ readonly acknowledged: boolean; readonly known: boolean }> {
  const { origin, gate, ask } = bench;
  if (change.startsWith('invalidated')) {
    origin.version = 2;
    let acknowledged = false;
    const told = gate.invalidate({ kind: 'tag', tag: 'item' }).then(
      () => {
        acknowledged = true;
      },
      // Nobody hears what a process says that is gone.
      () => undefined,
    );
    if (change === 'invalidated before the kill') await told;
    else for (let turn = 0; turn < after; turn++) await undefined;
    return { acknowledged, known: acknowledged };
  }
  const client = ask({ path: '/a', method: 'PUT', body: 'x' });
  await bench.settle();
  const write = origin.last;
  if (change === 'sent, and carried out after the start') return { acknowledged: false, known: false };
  origin.version = 2;
  if (change === 'written, and not answered') return { acknowledged: false, known: true };
  write.answer(204);
  if (change === 'written, and answered as the kill comes') for (let turn = 0; turn < after; turn++) await undefined;
  else await answered(client);
  return { acknowledged: client.state !== 'waiting', known: true };
}

async function answered(client: Client): Promise<void> {
  for (let turn = 0; client.state === 'waiting'; turn++) {
    if (turn === 1000) throw new Error('expected the write to be answered, got nothing');
    await undefined;
  }
}

async function judge(
  { ask, settle, drain }: RaceBench,
  by: { readonly least: number; readonly problems: string[]; readonly who: string },
): Promise<Client> {
  const client = ask({ path: '/a' });
  await settle();
  await drain();
  const version = versionOf(client);
  if (version === undefined || version === 'mixed') by.problems.push(`${by.who} got ${client.status} '${client.text}'`);
  else if (version < by.least) by.problems.push(`${by.who} got version ${version}`);
  return client;
}
