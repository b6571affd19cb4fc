// `npm run house`: the figures of a small fixture, the goals, and journeys through the real code.

import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { parseSource } from '../tidy/source.ts';
import { type Figures, figuresOf } from './figures.ts';
import { goalsOf, type State } from './goals.ts';
import { JOURNEYS } from './scenes.ts';
import { crossingOf, traceJourney } from './trace.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
const first = JSON.parse(readFileSync(new URL('first.json', import.meta.url), 'utf8')) as State;

const fixture = [
  parseSource(
    'src/index.ts',
    `// The entry point.

export { cellOf } from './sql/cells.ts';
export { read } from './sql/reads.ts';
`,
  ),
  parseSource(
    'src/sql/cells.ts',
    `// What lives here.
// What goes on belongs to the comment before.
//
// The one complication: none.

import type { Dialect } from './dialects.ts';

/** What a cell is. */
export type Cell = string;

export function cellOf(dialect: Dialect, text: string): Cell {
  if (dialect === 'postgres') return text;
  else if (text === 'sqlite') return '';
  for (const part of text) { if (part === '') continue; }
  switch (dialect) { case 'sqlite': case 'pg': return text; default: return ''; }
}
const read = () => 1;
`,
  ),
  parseSource(
    'src/sql/dialects.ts',
    `// Dialects.
export type Dialect = 'postgres' | 'sqlite' | 'pg';
class Cell {
  readonly #type = { family: 'sqlite' };
  static one = 1; // What stands behind code is a comment, but no line of it.
  is() {
    return this.#type?.family !== 'sqlite';
  }
}
function read() {}
`,
  ),
  parseSource('src/sql/reads.ts', "import './cells.ts';\nexport interface Cell {}\nexport function read(): void {}\n"),
  parseSource('src/ledger/glob.ts', '// Matches.\nexport const glob = 1;\n'),
  parseSource('src/ledger/ledger.ts', '// Fills.\n\nexport const fills = 1;\n'),
];

describe('figures', () => {
  test('of a small fixture', () => {
    expect(figuresOf(fixture, ['src/index.ts'])).toEqual({
      files: 6,
      lines: 39,
      statements: 25,
      fileLines: { median: 3, p90: 17, largest: 17 },
      functions: 5,
      functionLines: { median: 1, p90: 6, largest: 6 },
      classes: 1,
      classLines: { median: 7, p90: 7, largest: 7 },
      classMembers: 3,
      longestFolder: { path: 'src/sql', files: 3 },
      // dialects.ts and reads.ts, of the five that are no entry point; cells.ts has two importers.
      oneImporter: 0.4,
      namesTwice: {
        names: 2,
        worst: [
          { name: 'Cell', files: 3 },
          { name: 'read', files: 3 },
        ],
      },
      dialect: { branches: 4, files: 2 },
      commentShare: 0.2647,
      whatComments: 3,
      complicationHeaders: 1,
      ledgerLines: 3,
    } satisfies Figures);
  });

  test('of the first commit are there, all of them', () => {
    expect(Object.keys(first.figures)).toEqual(Object.keys(figuresOf(fixture, [])));
    expect(Object.keys(first.journeys)).toEqual(Object.keys(JOURNEYS));
  });
});

describe('goals', () => {
  test('of the first commit itself: none is met, for each is to be below it', () => {
    expect(goalsOf(first, first.figures).filter(({ met }) => met)).toEqual([]);
  });

  test('are met at their bounds', () => {
    const { figures } = first;
    const journeys = { 'GET hit': 25, 'GET miss to disk': 60, 'change to URL': 110 };
    const now: State = {
      figures: {
        ...figures,
        statements: Math.floor(figures.statements * 0.9),
        lines: Math.floor(figures.lines * 0.9),
        longestFolder: { path: 'src/node', files: 20 },
        oneImporter: figures.oneImporter - 0.0001,
        namesTwice: { names: figures.namesTwice.names - 1, worst: [] },
        dialect: { branches: figures.dialect.branches - 1, files: 1 },
        classLines: { ...figures.classLines, largest: figures.classLines.largest - 1 },
        classMembers: figures.classMembers - 1,
        ledgerLines: 300,
      },
      journeys: Object.fromEntries(Object.entries(journeys).map(([name, files]) => [name, { files, functions: 1 }])),
    };
    expect(goalsOf(now, figures).filter(({ met }) => !met)).toEqual([]);
    const gone: State = { figures: { ...now.figures, ledgerLines: 0 }, journeys: {} };
    expect(goalsOf(gone, figures).filter(({ met }) => !met)).toHaveLength(4);
  });
});

describe('a journey', () => {
  test('crosses what it calls, and not what its start called', async () => {
    const crossed = await traceJourney(root, 'getOrSet');
    const names = Object.values(crossed).flat();
    expect(names).toContainEqual(expect.stringMatching(/^\d+ getOrSet$/));
    expect(names).not.toContainEqual(expect.stringMatching(/ createCache$/));
    expect(Object.keys(crossed).filter((path) => !/^src\/[\w/-]+\.ts$/.test(path))).toEqual([]);
    expect(crossingOf(crossed)).toEqual({ files: Object.keys(crossed).length, functions: names.length });
  });

  test('goes through threads as well', async () => {
    const crossed = await traceJourney(root, 'GET miss to disk');
    expect(Object.keys(crossed)).toContainEqual(expect.stringMatching(/^src\/store\/disk\/.*thread\.ts$/));
    expect(Object.values(crossed).flat()).toContainEqual(expect.stringMatching(/^\d+ commit$/));
  });
});
