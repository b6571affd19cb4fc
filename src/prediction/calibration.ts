// How often predictions come true, as it is found: for each kind of evidence, each share and each group. A share of the past
// alone would not do: what follows often is stored already, and of the rest less comes true.

import { RecentMap } from '../memory/recent-map.ts';
import type { Candidate } from './sequence-model.ts';

/** Predictions that are judged alike. Counts are halved beyond MOST_TRIALS. */
export interface Cell {
  trials: number;
  cameTrue: number;
}

const SHARES = 8;
const MOST_TRIALS = 128;
const CELLS = 2_048;

export class Calibration {
  readonly #cells = new RecentMap<Cell>(CELLS);

  cellOf({ evidence, share, group }: Candidate): Cell {
    const name = `${evidence} ${Math.min(SHARES - 1, Math.floor(share * SHARES))} ${group}`;
    const cell = this.#cells.get(name) ?? { trials: 0, cameTrue: 0 };
    this.#cells.set(name, cell);
    return cell;
  }
}

/** How likely the next of the cell comes true; low where little is known. */
export function likelihood({ trials, cameTrue }: Cell): number {
  return cameTrue / (trials + 1);
}

export function judge(cell: Cell, cameTrue: boolean): void {
  cell.trials++;
  if (cameTrue) cell.cameTrue++;
  if (cell.trials <= MOST_TRIALS) return;
  cell.trials /= 2;
  cell.cameTrue /= 2;
}
