// Finds the candidates in the log that were replaced: rows deleted without a delete trigger.
//
// A candidate may also have been left alone (OR IGNORE), updated (ON CONFLICT DO UPDATE) or deleted with a trigger
// (recursive_triggers = ON). The log's next event for a row of that name decides; without one, the row's presence decides,
// once all of that part of the log has been read.

/** A row of the log, with cells as `imageColumns` encodes them. */
export interface LogEvent {
  readonly seq: number;
  readonly table: number;
  readonly kind: number;
  readonly old: readonly unknown[];
  readonly new: readonly unknown[];
}

/** A row that may have been replaced since the log last showed it. */
export interface Suspect {
  readonly table: number;
  /** The row of the log, and which of its images, that shows the row last. */
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
  /** A text that only one row of the table has. Undefined when unknown. */
  nameOf(table: number, image: readonly unknown[]): string | undefined;
  /** Whether rows written in the same transaction may go unseen, because a trigger of the application runs first. */
  isSuspicious(table: number): boolean;
}

const KINDS = ['schema', 'insert', 'update', 'delete', 'candidate', 'truncate'] as const;

/** The events in the log's order, and the rows that must still exist if nothing else happened. */
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

  /** The log shows the row again. If it differs from the last image, another row had taken its place. */
  #settle(table: number, image: readonly unknown[]): boolean {
    const name = this.#nameOf(table, image);
    const suspect = name === undefined ? undefined : this.suspects.get(name);
    if (suspect === undefined) return false;
    this.suspects.delete(name as string);
    if (!isSame(suspect.image, image)) this.told.push({ kind: 'delete', table, old: suspect.image });
    return true;
  }

  /** Another row has this name now. */
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

/** Whether a text may have lost bytes: all texts that are not UTF-8 read alike. */
export function isUnsure(cell: unknown): boolean {
  return typeof cell === 'string' && cell.startsWith('t') && cell.includes('\u{fffd}');
}
