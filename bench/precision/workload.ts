// What a workload is: a schema, its rows, and the mix of requests that read and write them. And the choice of what is
// popular.

import type { SQLInputValue } from 'node:sqlite';
import type { Dice } from '../../test/sim/dice.ts';

export type Row = readonly SQLInputValue[];

/** Runs one query of a page; the name is of its template in the figures. */
export type Ask = (name: string, text: string, ...parameters: readonly SQLInputValue[]) => readonly Row[];

/** What one URL answers. Its queries may depend on the rows of those before them. */
export interface Page {
  readonly url: string;
  answer(ask: Ask): void;
}

export interface Statement {
  readonly text: string;
  readonly parameters: readonly SQLInputValue[];
}

/** One transaction. */
export type Write = readonly Statement[];

/** A request: a read of a URL, or a write. Weights are shares of all requests. */
export interface Workload {
  readonly name: string;
  readonly schema: readonly string[];
  rows(dice: Dice): readonly Statement[];
  /** May keep counts of what there is, so each replay has its own. */
  requests(dice: Dice): Requests;
}

export interface Requests {
  /** Where the shares are from. */
  readonly reads: { readonly [name: string]: { readonly weight: number; page(): Page } };
  readonly writes: { readonly [name: string]: { readonly weight: number; write(): Write } };
}

export function statement(text: string, ...parameters: readonly SQLInputValue[]): Statement {
  return { text, parameters };
}

/** `?, ?, ?` */
export function places(values: readonly unknown[]): string {
  return values.map(() => '?').join(', ');
}

/** An INSERT of all columns that are named. */
export function insert(table: string, row: { readonly [column: string]: SQLInputValue }): Statement {
  const columns = Object.keys(row);
  return statement(
    `INSERT INTO ${table} (${columns.join(', ')}) VALUES (${places(columns)})`,
    ...(Object.values(row) as SQLInputValue[]),
  );
}

/** Values of one column of an answer, each once, without NULL. */
export function valuesOf(rows: readonly Row[], column: number): SQLInputValue[] {
  return [...new Set(rows.map((row) => row[column] as SQLInputValue))].filter((value) => value !== null);
}

/** Ranks from 0 as popular as Zipf's law says: rank r as often as 1 / (r + 1) ** exponent. */
export class Zipf {
  readonly #dice: Dice;
  readonly #sums: Float64Array;

  constructor(dice: Dice, count: number, exponent = 0.9) {
    this.#dice = dice;
    this.#sums = new Float64Array(count);
    let sum = 0;
    for (let rank = 0; rank < count; rank++) {
      sum += (rank + 1) ** -exponent;
      this.#sums[rank] = sum;
    }
  }

  rank(): number {
    const sums = this.#sums;
    const wanted = this.#dice.next() * (sums[sums.length - 1] as number);
    let low = 0;
    let high = sums.length - 1;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((sums[middle] as number) < wanted) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /** A number from 1 to the count; which are the popular ones is spread over all, the same in each run. */
  spread(): number {
    const count = this.#sums.length;
    return ((this.rank() * 7919) % count) + 1;
  }

  /** As `spread`, where higher numbers are newer and newer is more popular. */
  newest(count: number): number {
    return Math.max(1, count - this.rank());
  }
}
