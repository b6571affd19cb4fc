// What writers write, drawn so that most of it does something.

import type { Dice } from '../sim/dice.ts';
import type { Op, TableName } from './model.ts';
import { GROUPS, IDS, PLACES } from './queries.ts';
import type { Truth } from './truth.ts';

const NOTES = 60;

export class Drafts {
  readonly #dice: Dice;
  readonly #truth: Truth;
  readonly #there = { items: new Set<number>(), notes: new Set<number>() };
  #columns = 0;

  constructor(dice: Dice, truth: Truth) {
    this.#dice = dice;
    this.#truth = truth;
  }

  /** Enough for most URLs to have something. */
  first(): Op[] {
    const items = Array.from({ length: 28 }, (_, at) => this.#insertItem(at + 1));
    const notes = Array.from({ length: 30 }, (_, at) => this.#insertNote(at + 1));
    return [...items, ...notes];
  }

  draw(): Op[] {
    const ops = Array.from({ length: this.#dice.weighted({ 1: 6, 2: 3, 3: 1 }) === '1' ? 1 : 2 }, () => this.#one());
    // In one order, so that two transactions do not wait for each other.
    const keyOf = (op: Op) => ('row' in op ? (op.row.id as number) : 'id' in op ? op.id : 0);
    const tableOf = (op: Op) => ('table' in op ? op.table : '');
    const sorted = ops.sort((one, other) => tableOf(one).localeCompare(tableOf(other)) || keyOf(one) - keyOf(other));
    return keyOf(sorted[0] as Op) === keyOf(sorted.at(-1) as Op) ? sorted.slice(0, 1) : sorted;
  }

  done(ops: readonly Op[]): void {
    for (const op of ops) {
      if (op.kind === 'insert') this.#there[op.table].add(op.row.id as number);
      else if (op.kind === 'delete') this.#there[op.table].delete(op.id);
      else if (op.kind === 'clear') this.#there[op.table].clear();
    }
  }

  /** A name that no column had before. */
  column(): string {
    return `extra_${++this.#columns}`;
  }

  #one(): Op {
    const { items, notes } = this.#there;
    const dice = this.#dice;
    const kind = dice.weighted({ update: 50, insert: items.size < 20 ? 40 : 12, delete: 8, note: 22 });
    if (kind === 'note') return this.#note([...notes]);
    if (kind === 'insert' || items.size === 0) return this.#insertItem(this.#free('items', IDS));
    const id = dice.pick([...items]);
    if (kind === 'delete') return { kind: 'delete', table: 'items', id };
    const set = {
      version: this.#truth.nextVersion(),
      ...(dice.chance(0.4) && { amount: dice.below(1_000) }),
      ...(dice.chance(0.3) && { place: dice.below(PLACES) }),
      ...(dice.chance(0.2) && { grp: dice.below(GROUPS) }),
    };
    return { kind: 'update', table: 'items', id, set };
  }

  #note(there: readonly number[]): Op {
    const dice = this.#dice;
    if (there.length < 10 || dice.chance(0.4)) return this.#insertNote(this.#free('notes', NOTES));
    const id = dice.pick(there);
    if (dice.chance(0.4)) return { kind: 'delete', table: 'notes', id };
    const set = { version: this.#truth.nextVersion(), ...(dice.chance(0.5) && { item_id: dice.between(1, IDS) }) };
    return { kind: 'update', table: 'notes', id, set };
  }

  #insertItem(id: number): Op {
    const dice = this.#dice;
    const version = this.#truth.nextVersion();
    const row = { id, version, grp: dice.below(GROUPS), place: dice.below(PLACES), amount: dice.below(1_000) };
    return { kind: 'insert', table: 'items', row };
  }

  #insertNote(id: number): Op {
    const row = { id, version: this.#truth.nextVersion(), item_id: this.#dice.between(1, IDS) };
    return { kind: 'insert', table: 'notes', row };
  }

  #free(table: TableName, count: number): number {
    const free = Array.from({ length: count }, (_, at) => at + 1).filter((id) => !this.#there[table].has(id));
    return free.length === 0 ? this.#dice.between(1, count) : this.#dice.pick(free);
  }
}
