// One race: readers at all isolates, writers and operators at all data centres, faults as the scenario has them; then quiet,
// in which everybody has to come to the truth.

import type { Dice } from '../../sim/dice.ts';
import type { ClientAnswer, ClientRequest } from '../platform/platform.ts';
import type { Checker } from './checker.ts';
import { ITEMS, LIST, PATHS, type VersionedOrigin } from './origin.ts';

/** A data centre as clients reach it. */
export interface Place {
  readonly name: string;
  /** `at`: which of its isolates; by default any. */
  ask(request: ClientRequest, at?: number): Promise<ClientAnswer>;
}

/** What a race needs: the simulated platform gives it, and workerd in real time. */
export interface RaceBench {
  readonly world: {
    readonly dice: Dice;
    pause(delayMs: number): Promise<void>;
    trace(line: string): void;
  };
  readonly origin: Pick<VersionedOrigin, 'version' | 'change'>;
  readonly checker: Checker;
  readonly dataCentres: readonly Place[];
  /** Of each data centre. */
  readonly isolates: number;
  /** Whether whatever changes an item is told of the list too. */
  readonly listIsTold: boolean;
  /** Longer than a write of unknown outcome is held, than leases and than KV lags. */
  readonly quietMs: number;
  /** Whether four reads in a row must end with a hit. KV alone may not know of its own writes for a minute. */
  readonly isCachedAgain: boolean;
  readonly invalidate: (way: 'tag' | 'url', urls: readonly string[]) => ClientRequest;
  /** Faults begin; resolves when they are over. */
  readonly chaos: () => Promise<void>;
  /** No more faults. */
  readonly calm: () => void;
}

const HOST = 'http://shop.example';
/** Whoever has no answer by then gets none. A write may have to wait for a log that is slow several times. */
const PATIENCE_MS = { read: 30_000, change: 120_000 };
const MAX_TRIES = 240;
const SETTLED_MS = 5_000;

export interface Load {
  /** Reads of each reader; there are two in each data centre. */
  readonly reads: number;
  /** How many readers ask for the same at once. Default 1. */
  readonly together?: number;
  readonly writes: number;
  /** Ways in which data changes. */
  readonly ways: readonly ('PUT' | 'tag' | 'url')[];
}

export async function race(bench: RaceBench, { reads, writes, ways, together = 1 }: Load): Promise<void> {
  const { world, dataCentres } = bench;
  const clients = dataCentres.flatMap((place) => [0, 1].map(() => reader(bench, place, { reads, together })));
  const changes = dataCentres.map(async (place) => {
    for (let at = 0; at < writes; at++) {
      await pace(bench);
      await changeBy(bench, place, world.dice.pick(ways));
    }
  });
  const chaos = bench.chaos();
  await Promise.all([...clients, ...changes]);
  bench.calm();
  await chaos;
  await world.pause(bench.quietMs);
  await afterwards(bench);
}

async function reader(
  bench: RaceBench,
  place: Place,
  { reads, together }: Required<Pick<Load, 'reads' | 'together'>>,
): Promise<void> {
  for (let at = 0; at < reads; at++) {
    await pace(bench);
    const path = bench.world.dice.pick(PATHS);
    await Promise.all(Array.from({ length: together }, () => read(bench, place, path)));
  }
}

/** Mostly close to each other, seldom so far that leases run out. */
async function pace({ world }: RaceBench): Promise<void> {
  const { dice } = world;
  if (dice.chance(0.5)) await world.pause(dice.below(20));
  else if (dice.chance(0.9)) await world.pause(dice.below(200));
  else await world.pause(dice.below(3_000));
}

export async function read(
  bench: RaceBench,
  place: Place,
  path: string,
  at?: number,
): Promise<ClientAnswer | 'unanswered'> {
  const beginning = bench.checker.begin(path);
  const answer = await patiently(bench, place.ask({ method: 'GET', url: HOST + path }, at), PATIENCE_MS.read);
  const where = `${place.name}${at === undefined ? '' : `/${at}`}`;
  bench.checker.read(beginning, answer, where);
  bench.world.trace(`${where}: GET ${path} of ${beginning.atMs.toFixed(1)}: ${told(answer)}`);
  return answer;
}

/** A change, and whatever is needed until it is acknowledged. `at`: the isolate it comes by. */
export async function changeBy(
  bench: RaceBench,
  place: Place,
  way: Load['ways'][number],
  { path = bench.world.dice.pick(ITEMS), at }: { readonly path?: string; readonly at?: number } = {},
): Promise<void> {
  if (way === 'PUT') return write(bench, place, path, at);
  const { origin, checker, world } = bench;
  checker.counts.writes++;
  origin.change(path);
  const [version, list] = [origin.version(path), origin.version(LIST)];
  world.trace(`${path} is version ${version} now`);
  const paths = way === 'tag' ? [path, LIST] : [path];
  const asked = bench.invalidate(
    way,
    paths.map((one) => HOST + one),
  );
  for (let tries = 0; tries < MAX_TRIES; tries++) {
    const answer = await patiently(bench, place.ask(asked, at));
    world.trace(`${place.name}: invalidate ${paths.join(' ')} by ${way}: ${told(answer)}`);
    if (answer !== 'unanswered' && answer.kind === 'answer' && answer.status === 200) {
      checker.acknowledge(path, version);
      if (way === 'tag') checker.acknowledge(LIST, list);
      return;
    }
    checker.counts.refused++;
    await world.pause(500);
  }
  checker.found('error', `invalidation of ${path} by ${way} at ${place.name}: refused ${MAX_TRIES} times`);
}

async function write(bench: RaceBench, place: Place, path: string, at?: number): Promise<void> {
  const { checker, world } = bench;
  checker.counts.writes++;
  const answer = await patiently(bench, place.ask({ method: 'PUT', url: HOST + path, body: 'content' }, at));
  world.trace(`${place.name}: PUT ${path}: ${told(answer)}`);
  if (answer === 'unanswered') return checker.found('unanswered', `PUT ${path} at ${place.name}: no answer`);
  if (answer.kind === 'cut') {
    checker.changes.cut++;
    return void checker.counts.cut++;
  }
  if (answer.kind === 'failed') return checker.found('failed', `PUT ${path} at ${place.name}: ${answer.error}`);
  if (answer.status === 200) {
    checker.acknowledge(path, Number(answer.headers.get('x-version')));
    checker.acknowledge(LIST, Number(answer.headers.get('x-list')));
  } else if (answer.status === 503) checker.counts.refused++;
  else {
    checker.changes.unknown++;
    checker.counts.unknown++;
  }
}

async function patiently(
  bench: RaceBench,
  answer: Promise<ClientAnswer>,
  ms = PATIENCE_MS.change,
): Promise<ClientAnswer | 'unanswered'> {
  return Promise.race([answer, bench.world.pause(ms).then(() => 'unanswered' as const)]);
}

const MORE_READS = 20;

/** All is quiet: each isolate has the truth, and soon has it stored. */
async function afterwards(bench: RaceBench): Promise<void> {
  const { origin, checker, world } = bench;
  for (const path of ITEMS) checker.acknowledge(path, origin.version(path));
  // A change by URL is one of the item alone. And what an answer to a write would have named besides, nobody knows without it.
  const { cut, unknown } = checker.changes;
  if (bench.listIsTold && cut + unknown === 0) checker.acknowledge(LIST, origin.version(LIST));
  await everywhere(bench, (place, at) => readAll(bench, place, at));
  await everywhere(bench, (place, at) => writeAgain(bench, place, at));
  // Everybody has heard of these writes, in the mode `bounded`, too.
  await world.pause(SETTLED_MS);
  await everywhere(bench, async (place, at) => {
    for (const [path, last] of await readAll(bench, place, at)) {
      let answer = last;
      // A busy machine may be too slow for a short lease, now and then.
      for (let more = 0; bench.isCachedAgain && !told(answer).includes('hit') && more < MORE_READS; more++) {
        await world.pause(50);
        answer = await read(bench, place, path, at);
      }
      if (bench.isCachedAgain && !told(answer).includes('hit'))
        checker.found('not cached again', `GET ${path} at ${place.name}/${at}: ${told(answer)}`);
    }
  });
}

async function everywhere({ dataCentres, isolates }: RaceBench, visit: (place: Place, at: number) => Promise<unknown>) {
  for (const place of dataCentres) for (let at = 0; at < isolates; at++) await visit(place, at);
}

/** Reads everything several times; the last answers. */
async function readAll(
  bench: RaceBench,
  place: Place,
  at: number,
): Promise<[path: string, ClientAnswer | 'unanswered'][]> {
  const last: [string, ClientAnswer | 'unanswered'][] = [];
  for (const path of PATHS) {
    let answer: ClientAnswer | 'unanswered' = 'unanswered';
    for (let times = 0; times < 4; times++) {
      await bench.world.pause(50);
      answer = await read(bench, place, path, at);
    }
    last.push([path, answer]);
  }
  return last;
}

/** No isolate is left in a state in which it refuses writes, whatever was cut in it. */
async function writeAgain(bench: RaceBench, place: Place, at: number): Promise<void> {
  const { checker } = bench;
  // A busy machine may be too slow for a short lease, once.
  for (let tries = 0; tries < 3; tries++) {
    const { refused, unknown } = checker.counts;
    await write(bench, place, ITEMS[0], at);
    if (checker.counts.refused === refused && checker.counts.unknown === unknown) return;
  }
  checker.found('error', `PUT at ${place.name}/${at} is refused though all is quiet`);
}

function told(answer: ClientAnswer | 'unanswered'): string {
  if (answer === 'unanswered') return answer;
  if (answer.kind !== 'answer') return answer.kind === 'failed' ? `failed: ${answer.error}` : 'cut';
  const { status, headers } = answer;
  return `${status} version ${headers.get('x-version')} ${headers.get('cache-status') ?? ''}`;
}
