// Answers of drivers, made fit to be stored, and back: objects of the drivers' own classes around plain rows.
//
// `packed`: Drizzle maps the answer that comes back to the same rows. Where it maps them, only the rows matter and the rest is
// dropped; where the caller gets the answer as it is, only plain ones are stored. `kept`: the answer comes back as it was. Rows of
// libSQL have hidden positions: `row[0]` and `row.name` are both there, but a copy has only the names. They are kept as names and
// positions, and built anew.

/** `rows`: a list of rows; `result`: an object with such a list; `whole`: anything else, e.g. one row. */
export interface Packed {
  readonly form: 'rows' | 'result' | 'whole';
  readonly value: unknown;
}

/** Undefined: it holds what would not come back as it was. */
export function packed(answer: unknown, isMapped: boolean): Packed | undefined {
  const packedRows = (form: 'rows' | 'result', rows: readonly unknown[]): Packed => {
    if (!isMapped && Object.getPrototypeOf(rows) !== Array.prototype) throw new NotPlain();
    return { form, value: Array.from(rows, (row) => copied(isMapped && isHiddenRow(row) ? positionsOf(row) : row)) };
  };
  return unlessNotPlain((): Packed => {
    if (Array.isArray(answer)) return packedRows('rows', answer);
    if (isMapped && isRecord(answer) && Array.isArray(answer.rows)) return packedRows('result', answer.rows);
    return { form: 'whole', value: copied(answer) };
  });
}

/** The answer again, for one reader: nothing of it is shared. */
export function unpacked(stored: Packed): unknown {
  const value = copied(stored.value);
  return stored.form === 'result' ? { rows: value } : value;
}

export function isPacked(value: unknown): value is Packed {
  return isRecord(value) && (value.form === 'rows' || value.form === 'result' || value.form === 'whole');
}

/** The rows in it; where there are none, what it is may be one. */
export function rowsIn({ value }: Packed): readonly unknown[] {
  if (Array.isArray(value)) return value;
  return isRecord(value) && Array.isArray(value.rows) ? value.rows : [value];
}

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
  return unlessNotPlain(() => {
    if (Array.isArray(response)) return keptRows(Array.from(response), undefined);
    if (!isRecord(response)) return undefined;
    const prototype: unknown = Object.getPrototypeOf(response);
    if (prototype === Object.prototype || prototype === null) return { kind: 'plain', value: copied(response) };
    return Array.isArray(response.rows) ? keptRows(Array.from(response.rows), described(response)) : undefined;
  });
}

function keptRows(rows: readonly unknown[], rest: object | undefined): Kept {
  if (rows.length > 0 && rows.every(isHiddenRow)) {
    const parts = (row: object) => ({
      names: Object.keys(row),
      named: Object.values(row),
      positions: positionsOf(row),
    });
    return { kind: 'hidden', rows: rows.map((row) => copied(parts(row)) as HiddenRow), rest };
  }
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
  const facts = Object.entries(response).filter(([name]) => name !== 'rows' && !name.startsWith('_'));
  return Object.fromEntries(
    facts.flatMap(([name, value]) => unlessNotPlain(() => [[name, copied(value)] as const]) ?? []),
  );
}

/** A row is a list or an object; of a driver's own class it is taken for what it holds. */
function plainRow(row: unknown): unknown {
  const isData = row instanceof Date || row instanceof ArrayBuffer || ArrayBuffer.isView(row);
  return copied(isRecord(row) && !Array.isArray(row) && !isData ? Object.fromEntries(Object.entries(row)) : row);
}

function isHiddenRow(row: unknown): row is object {
  const length = isRecord(row) && !Array.isArray(row) ? Object.getOwnPropertyDescriptor(row, 'length') : undefined;
  return length !== undefined && !length.enumerable && typeof length.value === 'number';
}

function positionsOf(row: object): readonly unknown[] {
  return Array.prototype.slice.call(row);
}

function hiddenRow({ names, named, positions }: HiddenRow): object {
  const row: Record<string, unknown> = {};
  Object.defineProperty(row, 'length', { value: positions.length });
  for (const [at, value] of positions.entries()) Object.defineProperty(row, at, { value: copied(value) });
  for (const [at, name] of names.entries()) own(row, name, copied(named[at]));
  return row;
}

class NotPlain extends Error {}

function unlessNotPlain<T>(work: () => T): T | undefined {
  try {
    return work();
  } catch (error) {
    if (error instanceof NotPlain) return undefined;
    throw error;
  }
}

const MAX_DEPTH = 64;

/** Plain data alone. Throws NotPlain for objects of other classes. */
function copied(value: unknown, depth = 0): unknown {
  if (typeof value !== 'object' || value === null) {
    if (typeof value === 'function' || typeof value === 'symbol') throw new NotPlain();
    return value;
  }
  if (depth > MAX_DEPTH) throw new NotPlain();
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype === Array.prototype) return (value as readonly unknown[]).map((each) => copied(each, depth + 1));
  if (prototype === Object.prototype || prototype === null) return copiedObject(value, depth);
  if (prototype === Date.prototype) return new Date((value as Date).getTime());
  if (prototype === ArrayBuffer.prototype) return (value as ArrayBuffer).slice(0);
  if (!(value instanceof Uint8Array)) throw new NotPlain();
  // A Buffer's own slice would share its bytes; `from` of its class copies them.
  return (value.constructor as unknown as { from(bytes: Uint8Array): Uint8Array }).from(value);
}

function copiedObject(value: object, depth: number): object {
  const copy: Record<string, unknown> = Object.getPrototypeOf(value) === null ? Object.create(null) : {};
  const names = Object.keys(value);
  if (Object.getOwnPropertyNames(value).length !== names.length || Object.getOwnPropertySymbols(value).length > 0) {
    throw new NotPlain();
  }
  for (const name of names) {
    const each = copied((value as Readonly<Record<string, unknown>>)[name], depth + 1);
    if (name === '__proto__') own(copy, name, each);
    else copy[name] = each;
  }
  return copy;
}

/** Sets a property that is like any other, whatever its name. */
function own(object: object, name: string, value: unknown): void {
  Object.defineProperty(object, name, { value, enumerable: true, writable: true, configurable: true });
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null;
}
