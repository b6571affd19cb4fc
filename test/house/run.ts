// `npm run house`: how large `src/` is and how it hangs together, and which files its journeys cross, beside two states of
// before: the one that readers from outside counted, and the first commit of the work to make it smaller.
//   --verbose        the files of each journey
//   --root FOLDER    another checkout, with its node_modules: its figures alone
//   --json FILE      the figures as JSON too
//
// The first commit's figures (first.json) come from the same code. Whoever changes how it counts measures them again: `git
// archive` of the commit into a folder, `--root`, `--json`.

import { readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { conclude, printTable } from '../../bench/report.ts';
import { entryPointsOf } from '../tidy/exports.ts';
import { readSources } from '../tidy/source.ts';
import { type Figures, figuresOf, type Spread } from './figures.ts';
import { goalsOf, percent, type State } from './goals.ts';
import { JOURNEYS } from './scenes.ts';
import { type Crossed, type Crossing, crossingOf, traceJourney } from './trace.ts';

const home = fileURLToPath(new URL('../..', import.meta.url));

/** Rows of the table. The second text is the count of readers from outside, who read an older state than the first commit. */
const ROWS: readonly (readonly [name: string, counted: string, got: (figures: Figures) => string])[] = [
  ['files', '554', ({ files }) => String(files)],
  ['lines', '66951', ({ lines }) => String(lines)],
  ['statements', '', ({ statements }) => String(statements)],
  ['lines of a file: median, p90, largest', '', ({ fileLines }) => spread(fileLines)],
  ['functions', '', ({ functions }) => String(functions)],
  ['lines of a function', '', ({ functionLines }) => spread(functionLines)],
  ['classes', '', ({ classes }) => String(classes)],
  ['lines of a class', '274 at most', ({ classLines }) => spread(classLines)],
  ['members of the largest class', '50', ({ classMembers }) => String(classMembers)],
  ['files of the longest folder', '66', ({ longestFolder }) => `${longestFolder.files} ${longestFolder.path}`],
  ['files with exactly one importer', '37 %', ({ oneImporter }) => percent(oneImporter)],
  ['names declared more than once', '', ({ namesTwice }) => String(namesTwice.names)],
  ['dialect branches', '90 in 39 files', ({ dialect }) => `${dialect.branches} in ${dialect.files} files`],
  ['lines of comment', '', ({ commentShare }) => percent(commentShare)],
  ['comments that open with What', '501', ({ whatComments }) => String(whatComments)],
  ['headers with The one complication', '378', ({ complicationHeaders }) => String(complicationHeaders)],
  ['lines of the ledger', '', ({ ledgerLines }) => (ledgerLines === 0 ? 'no ledger' : String(ledgerLines))],
];

function spread({ median, p90, largest }: Spread): string {
  return `${median}, ${p90}, ${largest}`;
}

function measured(root: string): Figures {
  const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { readonly exports?: unknown };
  return figuresOf(readSources(root, ['src/**/*.ts']), entryPointsOf(manifest));
}

async function trace(root: string, isVerbose: boolean): Promise<Record<string, Crossing>> {
  const journeys: Record<string, Crossing> = {};
  for (const name of Object.keys(JOURNEYS)) {
    const crossed = await traceJourney(root, name);
    journeys[name] = crossingOf(crossed);
    if (isVerbose) printCrossed(name, crossed);
  }
  return journeys;
}

function printCrossed(name: string, crossed: Crossed): void {
  const rows = Object.entries(crossed).map(([path, functions]) => [path, String(functions.length)]);
  printTable({ title: `files of the journey ${name}`, columns: ['file', 'functions'], rows });
}

function printStates(now: State, first: State & { readonly commit: string }): void {
  printTable({
    title: 'src/',
    columns: ['', 'counted outside', `first, ${first.commit}`, 'now'],
    rows: ROWS.map(([name, counted, got]) => [name, counted, got(first.figures), got(now.figures)]),
  });
  const worst = now.figures.namesTwice.worst.map(({ name, files }) => `${name} ${files}`);
  console.log(`  Names in most files: ${worst.join(', ')}`);
  const crossing = (journey?: Crossing) => (journey ? `${journey.files} / ${journey.functions}` : 'not traced');
  printTable({
    title: 'journeys: files / functions crossed',
    columns: ['', `first, ${first.commit}`, 'now'],
    rows: Object.keys(JOURNEYS).map((name) => [name, crossing(first.journeys[name]), crossing(now.journeys[name])]),
  });
}

const { values } = parseArgs({
  options: {
    json: { type: 'string' },
    root: { type: 'string' },
    verbose: { type: 'boolean', default: false },
  },
});
const root = resolve(values.root ?? home);
const now: State = { figures: measured(root), journeys: await trace(root, values.verbose) };
if (values.root === undefined) {
  const first = JSON.parse(readFileSync(new URL('first.json', import.meta.url), 'utf8')) as State & { commit: string };
  printStates(now, first);
  const goals = goalsOf(now, first.figures);
  if (goals.some(({ met }) => !met)) process.exitCode = 1;
  conclude('house', { goals, figures: { now, first } }, values.json);
} else {
  const text = JSON.stringify(now, null, 2);
  if (values.json === undefined) console.log(text);
  else writeFileSync(values.json, `${text}\n`);
}
