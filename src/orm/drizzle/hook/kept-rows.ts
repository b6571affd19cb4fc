// Results of drivers as plain values that a cache can keep, and back as they were. Rows of libSQL have hidden positions: `row[0]`
// and `row.name` are both there, but a copy has only the names. They are kept as names and positions, and built anew.

import { copied, NotPlain } from '../reads/packed-rows.ts';

/** A row that can be read by position as well as by name. */
interface HiddenRow {
  readonly names: readonly string[];
  readonly named: readonly unknown[];
  readonly positions: readonly unknown[];
}

/** What is kept: a kind beside the value, so that nothing a database gives can be taken for a mark. */
export type Kept =
  | { readonly kind: 'plain'; readonly value: unknown }
  /** Rows of libSQL's kind, in a list or in an object with the rest. */
  | { readonly kind: 'hidden'; readonly rows: readonly HiddenRow[]; readonly rest: unknown };

/** Undefined: it holds what would not come back as it was, such as an object of a class. */
export function kept(response: unknown): Kept | undefined {
  try {
    if (Array.isArray(response)) return keptRows(Array.from(response), undefined);
    if (typeof response !== 'object' || response === null) return undefined;
    if (isPlain(response)) return { kind: 'plain', value: copied(response) };
    const { rows } = response as { rows?: unknown };
    return Array.isArray(rows) ? keptRows(Array.from(rows), described(response)) : undefined;
  } catch (error) {
    if (error instanceof NotPlain) return undefined;
    throw error;
  }
}

function keptRows(rows: readonly unknown[], rest: object | undefined): Kept {
  if (rows.length > 0 && rows.every(isHiddenRow)) return { kind: 'hidden', rows: rows.map(hiddenParts), rest };
  const plain = rows.map(plainRow);
  return { kind: 'plain', value: rest === undefined ? plain : { ...rest, rows: plain } };
}

/** Every reader has its own. */
export function restored(stored: Kept): unknown {
  if (stored.kind === 'plain') return copied(stored.value);
  const rows = stored.rows.map(hiddenRow);
  return stored.rest === undefined ? rows : { ...(copied(stored.rest) as object), rows };
}

/** Facts of a driver's own object besides its rows: Drizzle reads none of them, so those that are not plain are left out. */
function described(response: object): Readonly<Record<string, unknown>> {
  const plain: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(response)) {
    if (name === 'rows' || name.startsWith('_')) continue;
    try {
      plain[name] = copied(value);
    } catch (error) {
      if (!(error instanceof NotPlain)) throw error;
    }
  }
  return plain;
}

/** A row is a list or an object; of a driver's own class it is taken for what it holds. */
function plainRow(row: unknown): unknown {
  const isData = row instanceof Date || row instanceof ArrayBuffer || ArrayBuffer.isView(row);
  if (typeof row !== 'object' || row === null || Array.isArray(row) || isData) return copied(row);
  return copied(Object.fromEntries(Object.entries(row)));
}

function isPlain(value: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}

function isHiddenRow(row: unknown): row is object {
  if (typeof row !== 'object' || row === null || Array.isArray(row)) return false;
  const length = Object.getOwnPropertyDescriptor(row, 'length');
  return length !== undefined && !length.enumerable && typeof length.value === 'number';
}

function hiddenParts(row: object): HiddenRow {
  const named = copied(Object.values(row)) as unknown[];
  return { names: Object.keys(row), named, positions: copied(Array.from(row as ArrayLike<unknown>)) as unknown[] };
}

function hiddenRow({ names, named, positions }: HiddenRow): object {
  const row: Record<string, unknown> = {};
  Object.defineProperty(row, 'length', { value: positions.length });
  for (const [at, value] of positions.entries()) Object.defineProperty(row, at, { value: copied(value) });
  for (const [at, name] of names.entries()) {
    Object.defineProperty(row, name, {
      value: copied(named[at]),
      enumerable: true,
      writable: true,
      configurable: true,
    });
  }
  return row;
}
