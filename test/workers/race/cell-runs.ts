// All cells of one victim: each instant of it, whatever happens then, and each way of a change meanwhile.

import type { Program } from '../platform/isolate.ts';
import type { RaceSettings } from './bench.ts';
import { CALL_FATES, type Cell, HAPPENINGS, runCell } from './cells.ts';

export interface CellFigures {
  cells: number;
  /** The first findings, with their cells. */
  readonly failures: string[];
  wrong: number;
}

interface CellRun {
  readonly settings: RaceSettings;
  readonly victim: Cell['victim'];
  readonly happenings?: readonly Cell['happening'][];
  readonly ways?: readonly Cell['way'][];
}

const MOST = 60;
const MAX_FAILURES = 3;

export function cellName({ settings, victim, happening, at, way, isSameIsolate }: Cell): string {
  const tiers = settings.tiers.join('+');
  return `${settings.mode} ${tiers}: ${victim} ${happening} at ${at}, ${way} ${isSameIsolate ? 'by the same isolate' : 'elsewhere'}`;
}

export async function runCells(program: Program, run: CellRun): Promise<CellFigures> {
  const { settings, victim, happenings = [...HAPPENINGS, ...CALL_FATES], ways = ['PUT', 'tag', 'none'] } = run;
  const figures: CellFigures = { cells: 0, failures: [], wrong: 0 };
  for (const happening of happenings) {
    for (const way of ways) {
      for (const isSameIsolate of way === 'none' ? [false] : [true, false]) {
        for (let at = 1; at <= MOST; at++) {
          const cell: Cell = { settings, victim, happening, at, way, isSameIsolate };
          const { reached, findings } = await runCell(cell, program);
          if (!reached) break;
          figures.cells++;
          if (findings.length === 0) continue;
          figures.wrong++;
          if (figures.failures.length < MAX_FAILURES)
            figures.failures.push(`${cellName(cell)}: ${findings[0]?.fault}: ${findings[0]?.sentence}`);
        }
      }
    }
  }
  return figures;
}
