// Which candidates of the log were replaced: rows that went without a trigger that says so.
//
// A candidate may as well have been left alone (OR IGNORE), updated (ON CONFLICT DO UPDATE) or
// deleted with a trigger (recursive_triggers = ON). What the log says next of a row of that name tells, or else whether
// the row is there: asked when all of the log that it rests on has been read.

/** A row of the log. Cells as `imageColumns` encodes them. */
export interface LogEvent {
  readonly seq: number;
  readonly table: number;
  readonly kind: number;
  readonly old: readonly unknown[];
  readonly new: readonly unknown[];
}

/** What is known of a row that was last seen there. */
export interface Suspect {
  readonly table: number;
  /** Row of the log, and which of its images, has the row as it was last seen. */
  readonly seq: number;
  readonly side: 'o' | 'n';
  readonly image: readonly unknown[];
}

export type Told =
  | { readonly kind: 'insert'; readonly table: number; readonly new: readonly unknown[] }
  | {
      readonly kind: 'update';
      readonly table: number;
      readonly old: readonly unknown[];
      readonly new: readonly unknown[];
    }
  | { readonly kind: 'delete'; readonly table: number; readonly old: readonly unknown[] }
  | { readonly kind: 'truncate'; readonly table: number };

export interface RowNames {
  /** Text that only one row of the table has; undefined: not known. */
  nameOf(table: number, image: readonly unknown[]): string | undefined;
  /** Whether rows may go unseen that were written in the same transaction: a trigger of the application's runs first. */
  isSuspicious(table: number): boolean;
}

const KINDS = ['schema', 'insert', 'update', 'delete', 'candidate', 'truncate'] as const;

/** What happened, in the log's order, and the rows that must be there still if that was all. */
export function toldOf(
  events: readonly LogEvent[],
  names: RowNames,
): { readonly told: Told[]; readonly suspects: readonly Suspect[] } {
  const reading = new Reading(names);
  for (const event of events) reading.take(event);
  return { told: reading.told, suspects: [...reading.suspects.values()] };
}

class Reading {
  readonly #names: RowNames;
  readonly told: Told[] = [];
  readonly suspects = new Map<string, Suspect>();

  constructor(names: RowNames) {
    this.#names = names;
  }

  take(event: LogEvent): void {
    const { table, old } = event;
    switch (KINDS[event.kind]) {
      case 'insert':
        this.#vanish(this.#nameOf(table, event.new));
        this.told.push({ kind: 'insert', table, new: event.new });
        if (this.#names.isSuspicious(table)) this.#suspect(event, 'n');
        return;
      case 'update':
        return this.#update(event);
      case 'delete':
        this.#settle(table, old);
        this.told.push({ kind: 'delete', table, old });
        return;
      case 'candidate': {
        const isKnown = this.suspects.has(this.#nameOf(table, old) ?? '');
        if (isKnown) this.#settle(table, old);
        this.#suspect(event, 'o');
        return;
      }
      case 'schema':
        return;
      default:
        this.told.push({ kind: 'truncate', table });
    }
  }

  #update(event: LogEvent): void {
    const { table, old } = event;
    const wasSuspect = this.#settle(table, old);
    const name = this.#nameOf(table, event.new);
    this.#vanish(name);
    this.told.push({ kind: 'update', table, old, new: event.new });
    if (wasSuspect || this.#names.isSuspicious(table)) this.#suspect(event, 'n');
  }

  /** The row is written about; if not as it was last seen, then another has taken its place. */
  #settle(table: number, image: readonly unknown[]): boolean {
    const name = this.#nameOf(table, image);
    const suspect = name === undefined ? undefined : this.suspects.get(name);
    if (suspect === undefined) return false;
    this.suspects.delete(name as string);
    if (!isSame(suspect.image, image)) this.told.push({ kind: 'delete', table, old: suspect.image });
    return true;
  }

  /** Another row has that name now. */
  #vanish(name: string | undefined): void {
    const suspect = name === undefined ? undefined : this.suspects.get(name);
    if (suspect === undefined) return;
    this.suspects.delete(name as string);
    this.told.push({ kind: 'delete', table: suspect.table, old: suspect.image });
  }

  #suspect(event: LogEvent, side: 'o' | 'n'): void {
    const { table, seq } = event;
    const image = side === 'o' ? event.old : event.new;
    const name = this.#nameOf(table, image);
    if (name === undefined) this.told.push({ kind: 'truncate', table });
    else this.suspects.set(name, { table, seq, side, image });
  }

  #nameOf(table: number, image: readonly unknown[]): string | undefined {
    const name = this.#names.nameOf(table, image);
    return name === undefined ? undefined : `${table}\0${name}`;
  }
}

function isSame(left: readonly unknown[], right: readonly unknown[]): boolean {
  return left.length === right.length && left.every((cell, at) => cell === right[at] && !isUnsure(cell));
}

/** Texts that are no UTF-8 all read alike. */
export function isUnsure(cell: unknown): boolean {
  return typeof cell === 'string' && cell.startsWith('t') && cell.includes('\u{fffd}');
}
