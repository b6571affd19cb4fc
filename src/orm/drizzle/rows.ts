// Results of drivers as plain values that a cache can keep, and back as they were.
//
// The one complication: rows of libSQL are objects with hidden positions: `row[0]` and `row.name` are both there, but only
// names are copied by others. They are kept as names and positions and built anew.

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
  if (Array.isArray(response)) return keptRows(Array.from(response), undefined);
  if (typeof response !== 'object' || response === null) return undefined;
  const { rows } = response as { rows?: unknown };
  if (!isPlain(response)) return Array.isArray(rows) ? keptRows(Array.from(rows), described(response)) : undefined;
  const value = plainFields(response);
  return value === UNSTORABLE ? undefined : { kind: 'plain', value };
}

function keptRows(rows: readonly unknown[], rest: object | undefined): Kept | undefined {
  if (rows.length > 0 && rows.every(isHiddenRow)) return keptHidden(rows, rest);
  const plain = rows.map(plainRow);
  if (plain.includes(UNSTORABLE)) return undefined;
  return { kind: 'plain', value: rest === undefined ? plain : { ...rest, rows: plain } };
}

/** Every reader has its own. */
export function restored(stored: Kept): unknown {
  if (stored.kind === 'plain') return copied(stored.value);
  const rows = stored.rows.map(hiddenRow);
  return stored.rest === undefined ? rows : { ...(copied(stored.rest) as object), rows };
}

const UNSTORABLE = Symbol('unstorable');

/** What a driver's own object says besides its rows: Drizzle reads none of it, so what is not plain is left out. */
function described(response: object): Readonly<Record<string, unknown>> {
  const plain: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(response)) {
    if (name === 'rows' || name.startsWith('_')) continue;
    const part = plainMeta(value);
    if (part !== UNSTORABLE) plain[name] = part;
  }
  return plain;
}

function plainMeta(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(plainMeta).filter((part) => part !== UNSTORABLE);
  if (typeof value === 'function' || typeof value === 'symbol') return UNSTORABLE;
  if (typeof value !== 'object' || value === null || isData(value)) return value;
  const fields = Object.entries(value).filter(([, field]) => typeof field !== 'object' && typeof field !== 'function');
  return Object.fromEntries(fields);
}

/** A row is a list or an object; of a driver's own class it is taken for what it holds. */
function plainRow(row: unknown): unknown {
  if (typeof row !== 'object' || row === null || Array.isArray(row) || isData(row)) return plainValue(row);
  return plainFields(row);
}

function plainValue(value: unknown): unknown {
  if (typeof value === 'function' || typeof value === 'symbol') return UNSTORABLE;
  if (typeof value !== 'object' || value === null || isData(value)) return value;
  if (Array.isArray(value)) {
    const list = value.map(plainValue);
    return list.includes(UNSTORABLE) ? UNSTORABLE : list;
  }
  return isPlain(value) ? plainFields(value) : UNSTORABLE;
}

function isPlain(value: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}

function plainFields(value: object): unknown {
  const fields: [string, unknown][] = [];
  for (const [name, field] of Object.entries(value)) {
    const plain = plainValue(field);
    if (plain === UNSTORABLE) return UNSTORABLE;
    fields.push([name, plain]);
  }
  return Object.fromEntries(fields);
}

/** Dates and bytes: a cache gives them back as they were, and to each reader its own. */
function isData(value: object): boolean {
  return value instanceof Date || value instanceof ArrayBuffer || ArrayBuffer.isView(value);
}

/** Lists and plain objects anew; what is data already is the reader's own. */
function copied(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(copied);
  if (typeof value !== 'object' || value === null || isData(value)) return value;
  return Object.fromEntries(Object.entries(value).map(([name, field]) => [name, copied(field)]));
}

function isHiddenRow(row: unknown): row is object {
  if (typeof row !== 'object' || row === null || Array.isArray(row)) return false;
  const length = Object.getOwnPropertyDescriptor(row, 'length');
  return length !== undefined && !length.enumerable && typeof length.value === 'number';
}

function keptHidden(rows: readonly object[], rest: unknown): Kept | undefined {
  const parts: HiddenRow[] = [];
  for (const row of rows) {
    const named = plainValue(Object.values(row));
    const positions = plainValue(Array.from(row as ArrayLike<unknown>));
    if (named === UNSTORABLE || positions === UNSTORABLE) return undefined;
    parts.push({ names: Object.keys(row), named: named as unknown[], positions: positions as unknown[] });
  }
  return { kind: 'hidden', rows: parts, rest };
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
