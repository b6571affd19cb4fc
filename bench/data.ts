// `bench -- data`: what operations of the data cache cost, beside four libraries, lru-cache and a bare Map. `--only NAME`
// measures one operation alone.
//
// Code compiled for many libraries at once is slow for all of them. So every operation of every
// library has a process of its own; they run in turn, a round each, as long as the operation is measured.

import { parseArgs } from 'node:util';
import { INSTALL_COMMAND, installPeers } from '../test/race/peers/install.ts';
import { allBeside, besideGoals, printBeside } from './data-beside.ts';
import { FEW, MANY, SUBJECTS, type TagFigures, type Told } from './data-child.ts';
import { dateFigures, dateGoal, printDates } from './data-dates.ts';
import { atLeast, atMost, over, told } from './data-goals.ts';
import { memoryFigures, memoryGoal, printMemory } from './data-memory.ts';
import { median, medianNs, OWN_SCRIPT, roundsInTurn } from './data-processes.ts';
import { printSignal, signalFigures, signalGoal } from './data-signal.ts';
import { BATCH, ENTRIES, OPERATIONS, type OperationName, type Subject } from './data-subject.ts';
import { type Goal, printTable, type Report } from './report.ts';

const ROUNDS = 35;
/** They are longer. */
const TAG_ROUNDS = 9;
const OURS = 'tidegate';
const LRU = 'lru-cache';
const LIBRARIES = ['bentocache', 'cacheable', 'cachified + lru-cache', 'cache-manager'];

/** Median ns by library; undefined: it has no such operation. */
type Figures = ReadonlyMap<string, number | undefined>;

export async function run(flags: readonly string[]): Promise<Report> {
  const { values } = parseArgs({ args: [...flags], options: { only: { type: 'string' } } });
  installPeers();
  const names = OPERATIONS.filter((name) => values.only === undefined || name.startsWith(values.only));
  const absent = new Set<string>();
  const figures = new Map<OperationName, Figures>();
  for (const name of names) figures.set(name, await measured(name, absent));
  const beside = await allBeside(names);
  const tags = values.only === undefined || values.only === 'tag' ? await measuredTags(absent) : new Map();
  const memory = values.only === undefined || values.only === 'memory' ? memoryFigures() : [];
  const signal = values.only === undefined || values.only === 'signal' ? await signalFigures() : undefined;
  const dates = values.only === undefined || values.only === 'dates' ? dateFigures() : undefined;
  printSetups(absent);
  printOperations(figures, absent);
  printBeside(beside);
  printTags(tags);
  printDates(dates);
  printMemory(memory);
  printSignal(signal);
  for (const name of absent) console.log(`  ${name}: absent (${INSTALL_COMMAND})`);
  for (const { name, note } of SUBJECTS) if (note !== undefined) console.log(`  ${name}: ${note}`);
  return {
    goals: [...besideGoals(beside), ...goalsOf(figures, tags), dateGoal(dates), memoryGoal(memory), signalGoal(signal)],
    figures: {
      operations: Object.fromEntries([...figures].map(([name, of]) => [name, Object.fromEntries(of)])),
      tags: Object.fromEntries(tags),
      ...{ beside, dates, memory, signal },
      absent: [...absent],
    },
  };
}

async function measured(operation: OperationName, absent: Set<string>): Promise<Figures> {
  const rounds = await inTurn({ operation, rounds: ROUNDS }, absent);
  return new Map(SUBJECTS.map(({ name }) => [name, medianNs(rounds.get(name) ?? [])]));
}

async function measuredTags(absent: Set<string>): Promise<Map<string, TagFigures>> {
  const figures = new Map<string, TagFigures>();
  for (const [name, told] of await inTurn({ operation: 'tag', rounds: TAG_ROUNDS }, absent)) {
    const all = told.flatMap((each) => (each.kind === 'tag' ? [each.figures] : []));
    const of = (figure: keyof TagFigures) => median(all.map((one) => one[figure]));
    if (all.length === 0) continue;
    const [few, many] = [of('few'), of('many')];
    figures.set(name, { few, many, before: of('before'), firstAfter: of('firstAfter'), later: of('later') });
  }
  return figures;
}

/** What the processes of all libraries tell, by library. */
async function inTurn(
  asked: Parameters<typeof roundsInTurn>[1],
  absent: Set<string>,
): Promise<Map<string, readonly Told[]>> {
  const runners = SUBJECTS.map(({ name }) => ({ name, script: OWN_SCRIPT }));
  const { rounds, absent: without } = await roundsInTurn(runners, asked);
  for (const name of without) absent.add(name);
  return new Map(runners.flatMap(({ name }, at) => (rounds[at]?.length ? [[name, rounds[at]] as const] : [])));
}

function printOperations(figures: ReadonlyMap<OperationName, Figures>, absent: ReadonlySet<string>): void {
  const perKey = (name: OperationName, ns: number) => (name === 'getMany(100)' ? ns / BATCH : ns);
  printTable({
    title: `ns of computing per operation, medians of ${ROUNDS} rounds in turn; ${ENTRIES} entries; getMany: per key`,
    columns: ['', ...figures.keys()],
    rows: present(absent).map(({ name }) => [
      name,
      ...[...figures].map(([operation, of]) => {
        const ns = of.get(name);
        return ns === undefined ? '-' : perKey(operation, ns).toFixed(0);
      }),
    ]),
  });
  console.log(
    '  Every operation is awaited, also where it gives no promise: whoever may get one of a slower tier awaits.',
  );
  console.log('  As called: without an await, for those that give what they have at once.');
  const ours = over(nsIn(figures, 'get, awaited', OURS), nsIn(figures, 'get, as called', LRU));
  const theirs = over(nsIn(figures, 'get, awaited', LRU), nsIn(figures, 'get, as called', LRU));
  if (ours === undefined || theirs === undefined) return;
  console.log(
    `  For information, no goal: by a get of lru-cache as called, one awaited costs ${told(theirs)}, and one of ours ${told(ours)}.`,
  );
}

function present(absent: ReadonlySet<string>): readonly Subject[] {
  return SUBJECTS.filter(({ name }) => !absent.has(name));
}

/** What each does for its ns: the same keys, values and order for all, but not the same work. */
function printSetups(absent: ReadonlySet<string>): void {
  printTable({
    title: 'what each does besides',
    columns: ['', 'ttl', 'bound', 'values', 'slower tier holds'],
    rows: present(absent).map(({ name, setup }) => [
      name,
      ...[setup.ttl, setup.bound, setup.values, setup.slower ?? '-'],
    ]),
  });
}

function nsIn(
  figures: ReadonlyMap<OperationName, Figures>,
  operation: OperationName,
  name: string,
): number | undefined {
  return figures.get(operation)?.get(name);
}

function printTags(tags: ReadonlyMap<string, TagFigures>): void {
  if (tags.size === 0) return;
  printTable({
    title: 'a tag is invalidated: µs for the caller; then ns for each get of entries without it, awaited',
    columns: ['', `${FEW} entries`, `${MANY} entries`, 'get before', `first ${MANY}`, 'later'],
    rows: [...tags].map(([name, { few, many, before, firstAfter, later }]) => [
      name,
      ...[few, many].map((ns) => (ns / 1000).toFixed(1)),
      ...[before, firstAfter, later].map((ns) => ns.toFixed(0)),
    ]),
  });
}

function goalsOf(figures: ReadonlyMap<OperationName, Figures>, tags: ReadonlyMap<string, TagFigures>): Goal[] {
  const ns = (operation: OperationName, name: string) => nsIn(figures, operation, name);
  const others = LIBRARIES.flatMap((name) => ns('getOrSet, awaited', name) ?? []);
  const fastest = others.length === 0 ? undefined : Math.min(...others);
  const tag = tags.get(OURS);
  const awaited = ns('getOrSet, awaited', OURS);
  return [
    atLeast('getOrSet hit: the fastest of the four libraries, by ours, both awaited', 3, over(fastest, awaited)),
    atMost(`invalidation of a tag: ${MANY} entries, by ${FEW}`, 3, over(tag?.many, tag?.few)),
    atMost('get of other entries, later, by that before the invalidation', 1.1, over(tag?.later, tag?.before)),
  ];
}
