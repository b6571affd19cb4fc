// Cells of the rows of the bench `match`, by the number of the row, and how a row is changed.

import type { Row, TableShape } from '../src/dependency/change.ts';

export const BIDS_PER_ITEM = 4;
/** Names are of so many letters of the alphabet. */
export const NAME_LETTERS = 8;

/** One column is another, as it is on such a site: mostly what is counted and seen, at times what lists are made by. */
export function changed({ name }: TableShape, old: Row, chance: number): Row {
  const now = [...old];
  const which = chance % 10;
  if (name === 'items') {
    const column = which < 5 ? 7 : which < 8 ? 3 : 4;
    now[column] = column === 4 ? `${old[4]}, new` : (old[column] as number) + 1;
  } else if (name === 'users') {
    const column = which < 6 ? 3 : which < 9 ? 2 : 1;
    now[column] = column === 3 ? (old[3] as number) + 1 : `${old[column]}x`;
  } else {
    now[3] = (old[3] as number) + 1;
  }
  return now;
}

export function created(id: number): number {
  return 1_700_000_000 + id;
}

export function amount(bid: number): number {
  return (bid % BIDS_PER_ITEM) * 10;
}

export function nameOf(place: number): string {
  let name = '';
  for (let rest = place, at = 0; at < 8; at++, rest = Math.floor(rest / NAME_LETTERS)) {
    name = String.fromCharCode(97 + (rest % NAME_LETTERS)) + name;
  }
  return name;
}

export function hash(number: number): number {
  let mixed = Math.imul(number ^ (number >>> 16), 0x85ebca6b);
  mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35);
  return (mixed ^ (mixed >>> 16)) >>> 0;
}
