// Every instant once: one request is held, cut or dropped with its isolate at its n-th event, or its n-th call fails in one of
// four ways, and a change is acknowledged meanwhile. Then everybody asks.

import type { Fate, Invocation, Program } from '../platform/isolate.ts';
import type { Fate as CallFate } from '../platform/world.ts';
import { benchOf, type RaceSettings } from './bench.ts';
import type { Finding } from './checker.ts';
import { changeBy, type Load, read } from './race.ts';

type Way = Load['ways'][number];

/** What the request is that something happens to. */
export const VICTIMS = ['fill', 'hit', 'PUT', 'invalidation'] as const;

export const HAPPENINGS = ['held', 'cut', 'dropped'] as const;
export const CALL_FATES: readonly CallFate[] = ['fails before', 'fails after', 'is lost before', 'is lost after'];

export interface Cell {
  readonly settings: RaceSettings;
  readonly boundMs?: number;
  readonly victim: (typeof VICTIMS)[number];
  /** At an event, or to a call. */
  readonly happening: (typeof HAPPENINGS)[number] | CallFate;
  /** The event, or call, from 1. */
  readonly at: number;
  /** The change that is made meanwhile. */
  readonly way: Way | 'none';
  /** Whether the change comes by the isolate of the victim. */
  readonly isSameIsolate: boolean;
}

export interface CellResult {
  /** False: the victim has no such event or call. */
  readonly reached: boolean;
  readonly findings: readonly Finding[];
}

const PATH = '/item/a';
const OTHER = '/item/b';

export async function runCell(cell: Cell, program: Program, trace?: (line: string) => void): Promise<CellResult> {
  const reached = Promise.withResolvers<void>();
  const released = Promise.withResolvers<void>();
  const state: Arming['state'] = { isReached: false, isArmed: false, victim: undefined, isOfOrigin: false };
  const reach = () => {
    state.isReached = true;
    reached.resolve();
  };
  const bench = benchOf({
    ...{ program, settings: cell.settings, faults: {}, ways: ['PUT', 'tag'], seed: cell.at, boundMs: cell.boundMs },
    ...(trace !== undefined && { trace }),
    cut: (invocation) => fateOf(invocation, cell, { state, reach, released: released.promise }),
  });
  const { world, checker, dataCentres } = bench;
  const [east, west] = dataCentres as [NonNullable<(typeof dataCentres)[0]>, NonNullable<(typeof dataCentres)[0]>];
  let calls = 0;
  world.passage = (service, caller) => {
    const isVictims = caller !== undefined && isVictim(caller, cell, state);
    if (!isVictims || !CALL_FATES.includes(cell.happening as CallFate) || ++calls !== cell.at) return {};
    reach();
    state.isOfOrigin = service === 'origin';
    return { fate: cell.happening as CallFate };
  };
  const everywhere = async (path: string) => {
    for (const place of dataCentres) for (const at of [0, 1]) await read(bench, place, path, at);
  };
  const story = async () => {
    await everywhere(OTHER);
    if (cell.victim !== 'fill') await everywhere(PATH);
    // In the second half of a lease one request renews it.
    if (cell.victim === 'hit') await world.pause(cell.settings.leaseMs * 0.6);
    state.isArmed = true;
    const victim = victimOf(cell, bench, east);
    await Promise.race([reached.promise, victim]);
    // Whoever asks for the same meanwhile does not wait for what has become of the victim.
    const beside = read(bench, east, PATH, 0);
    const place = cell.isSameIsolate ? east : west;
    const changed = cell.way === 'none' ? undefined : changeBy(bench, place, cell.way, { path: PATH, at: 0 });
    // Where the victim is what the change waits for, it goes on after a while.
    await Promise.race([changed, world.pause(20_000)]);
    released.resolve();
    await changed;
    await everywhere(PATH);
    await Promise.all([victim, beside]);
    await everywhere(PATH);
    await world.pause(bench.quietMs);
    checker.acknowledge(PATH, bench.origin.version(PATH));
    await everywhere(PATH);
  };
  await world.run(story()).catch((error: unknown) => checker.found('error', String((error as Error)?.stack ?? error)));
  // What the origin does not answer, nobody can.
  const findings = checker.findings.filter(({ fault }) => fault !== 'error' || !state.isOfOrigin);
  return { reached: state.isReached, findings };
}

interface Arming {
  readonly state: { isReached: boolean; isArmed: boolean; victim: Invocation | undefined; isOfOrigin: boolean };
  readonly reach: () => void;
  readonly released: Promise<void>;
}

function fateOf(invocation: Invocation, cell: Cell, { state, reach, released }: Arming): Fate {
  const isNow = isVictim(invocation, cell, state) && !state.isReached && invocation.events === cell.at;
  if (!isNow) return 'goes on';
  switch (cell.happening) {
    case 'held':
      reach();
      return released;
    case 'cut':
      reach();
      return 'invocation';
    case 'dropped':
      reach();
      return 'isolate';
    default:
      return 'goes on';
  }
}

const METHODS = { fill: `GET ${PATH}`, hit: `GET ${PATH}`, PUT: `PUT ${PATH}`, invalidation: 'POST' } as const;

/** The first such request at that isolate. */
function isVictim(invocation: Invocation, { victim }: Cell, state: Arming['state']): boolean {
  const { name, isolate } = invocation;
  const isOne = state.isArmed && isolate.name.startsWith('east/0') && name.includes(` ${METHODS[victim]}`);
  if (isOne) state.victim ??= invocation;
  return state.victim === invocation;
}

async function victimOf({ victim }: Cell, bench: ReturnType<typeof benchOf>, place: (typeof bench.dataCentres)[0]) {
  if (victim === 'fill' || victim === 'hit') return void (await read(bench, place, PATH, 0));
  return changeBy(bench, place, victim === 'PUT' ? 'PUT' : 'tag', { path: PATH, at: 0 });
}
