// The floors of the house (docs/architecture.md): imports point strictly down, and nothing runs in a circle.

import type { Finding, Source } from './source.ts';

/** The floor of each room, and of each file that stands in `src` itself. */
export const FLOORS: Readonly<Record<string, number>> = {
  semantics: 0,
  ledger: 0,
  'errors.ts': 0,
  memory: 0,
  dependency: 1,
  entry: 1,
  options: 1,
  prediction: 1,
  'ports.ts': 2,
  engine: 3,
  store: 3,
  feed: 3,
  log: 3,
  sql: 3,
  admin: 4,
  site: 4,
  cache: 5,
  orm: 6,
  track: 6,
  metrics: 6,
  web: 6,
  workers: 7,
  node: 7,
  'index.ts': 8,
  testing: 8,
};

/** Rooms that only the composition roots know, so that the engine runs with fakes and on any platform. */
const UNSEEN_BELOW_5 = new Set(['store', 'feed', 'log']);
/** Rooms that may use what Node alone has. */
const NODE_ROOMS = new Set(['store', 'feed', 'log', 'metrics', 'node', 'testing', 'track']);

/** `engine` for `src/engine/x.ts`, `ports.ts` for `src/ports.ts`; undefined outside `src`. */
export function roomOf(path: string): string | undefined {
  return path.startsWith('src/') ? path.split('/')[1] : undefined;
}

export function floorOf(path: string): number | undefined {
  const room = roomOf(path);
  return room === undefined ? undefined : FLOORS[room];
}

export function floorFindings(source: Source): Finding[] {
  const room = roomOf(source.path);
  const floor = floorOf(source.path);
  if (room === undefined) return [];
  if (floor === undefined) return [{ rule: 'floors', path: source.path, line: 1, what: `${room} has no floor` }];
  const findings: Finding[] = [];
  for (const { from, line } of source.imports) {
    const what = importProblem({ room, floor }, from);
    if (what !== undefined) findings.push({ rule: 'floors', path: source.path, line, what });
  }
  return findings;
}

function importProblem(here: { room: string; floor: number }, from: string): string | undefined {
  if (from.startsWith('node:')) return NODE_ROOMS.has(here.room) ? undefined : `${here.room} imports ${from}`;
  const room = roomOf(from);
  if (room === undefined) return /^(?:test|bench|scripts|examples)\//.test(from) ? `src imports ${from}` : undefined;
  if (room === here.room) return undefined;
  const floor = FLOORS[room];
  if (floor === undefined) return `${from} has no floor`;
  if (floor >= here.floor) return `${here.room} (floor ${here.floor}) imports ${from} (floor ${floor})`;
  if (here.floor < 5 && UNSEEN_BELOW_5.has(room))
    return `${here.room} imports ${from}, which only floor 5 and above know`;
  return undefined;
}

/** One finding for each knot of files that import each other, types included. */
export function cycleFindings(sources: readonly Source[]): Finding[] {
  const byPath = new Map(sources.map((source) => [source.path, source]));
  return knots(byPath).map((knot) => {
    const path = knot[0] as string;
    return { rule: 'cycles', path, line: 1, what: knot.join(' -> ') };
  });
}

/** Strongly connected components of more than one file, or of one that imports itself (Tarjan). */
function knots(byPath: ReadonlyMap<string, Source>): string[][] {
  const found: string[][] = [];
  const index = new Map<string, number>();
  const low = new Map<string, number>();
  const stack: string[] = [];
  const visit = (path: string): void => {
    index.set(path, index.size);
    low.set(path, index.get(path) as number);
    stack.push(path);
    for (const { from } of byPath.get(path)?.imports ?? []) {
      if (!byPath.has(from)) continue;
      if (!index.has(from)) visit(from);
      if (stack.includes(from)) low.set(path, Math.min(low.get(path) as number, low.get(from) as number));
    }
    if (low.get(path) !== index.get(path)) return;
    const knot = stack.splice(stack.indexOf(path));
    const importsItself = byPath.get(path)?.imports.some(({ from }) => from === path) === true;
    if (knot.length > 1 || importsItself) found.push(knot.sort());
  };
  for (const path of byPath.keys()) if (!index.has(path)) visit(path);
  return found;
}
