// The goals of the house: bounds of their own, and the figures of the first commit, to stay below.

import type { Goal } from '../../bench/report.ts';
import type { Figures } from './figures.ts';
import type { Crossing } from './trace.ts';

export interface State {
  readonly figures: Figures;
  readonly journeys: Readonly<Record<string, Crossing>>;
}

const PART_OF_FIRST = 0.9;
const MAX_FOLDER_FILES = 20;
const MAX_LEDGER_LINES = 300;
const MAX_JOURNEY_FILES = { 'GET hit': 25, 'GET miss to disk': 60, 'change to URL': 110 };

export function goalsOf({ figures: now, journeys }: State, first: Figures): Goal[] {
  const { path, files } = now.longestFolder;
  return [
    atMost('statements', now.statements, Math.floor(PART_OF_FIRST * first.statements)),
    atMost('lines', now.lines, Math.floor(PART_OF_FIRST * first.lines)),
    { ...atMost('files of the longest folder', files, MAX_FOLDER_FILES), got: `${files} (${path})` },
    below('files with exactly one importer', [now.oneImporter, first.oneImporter], percent),
    below('names declared more than once', [now.namesTwice.names, first.namesTwice.names]),
    below('dialect branches', [now.dialect.branches, first.dialect.branches]),
    below('largest class, lines', [now.classLines.largest, first.classLines.largest]),
    below('largest class, members', [now.classMembers, first.classMembers]),
    { ...atMost('lines of the ledger', now.ledgerLines, MAX_LEDGER_LINES), ...(now.ledgerLines === 0 && NOT_THERE) },
    ...Object.entries(MAX_JOURNEY_FILES).map(([name, most]) => {
      const journey = journeys[name];
      const goal = `${name}: files crossed`;
      return journey === undefined
        ? { name: goal, bound: `<= ${most}`, ...NOT_THERE }
        : atMost(goal, journey.files, most);
    }),
  ];
}

const NOT_THERE = { got: 'nothing to measure', met: false };

function atMost(name: string, got: number, most: number): Goal {
  return { name, bound: `<= ${most}`, got: String(got), met: got <= most };
}

function below(name: string, [got, first]: readonly [number, number], text: (value: number) => string = String): Goal {
  return { name, bound: `< ${text(first)}`, got: text(got), met: got < first };
}

export function percent(share: number): string {
  return `${(100 * share).toFixed(2)} %`;
}
