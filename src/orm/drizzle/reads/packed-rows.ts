// Answers of drivers, made fit to be stored, and back: Drizzle maps both to the same rows.
//
// Drivers answer with objects of their own classes around plain rows. Where Drizzle maps the rows, only they matter and the rest
// is dropped; where the caller gets the answer as it is, only plain ones are stored.

/** `rows`: a list of rows; `result`: an object with such a list; `whole`: anything else, e.g. one row. */
export interface Packed {
  readonly form: 'rows' | 'result' | 'whole';
  readonly value: unknown;
}

/** Undefined: it holds what would not come back as it was. */
export function packed(answer: unknown, isMapped: boolean): Packed | undefined {
  try {
    if (Array.isArray(answer)) return packedRows('rows', answer, isMapped);
    if (isMapped && isRecord(answer) && Array.isArray(answer.rows)) return packedRows('result', answer.rows, true);
    return { form: 'whole', value: copied(answer) };
  } catch (error) {
    if (error instanceof NotPlain) return undefined;
    throw error;
  }
}

function packedRows(form: 'rows' | 'result', rows: readonly unknown[], isMapped: boolean): Packed {
  if (!isMapped && Object.getPrototypeOf(rows) !== Array.prototype) throw new NotPlain();
  return { form, value: Array.from(rows, (row) => copied(isMapped ? asArray(row) : row)) };
}

/** Rows of libSQL are objects that can be read like arrays. */
function asArray(row: unknown): unknown {
  if (!isRecord(row) || Array.isArray(row)) return row;
  const isArrayLike = typeof row.length === 'number' && !Object.prototype.propertyIsEnumerable.call(row, 'length');
  return isArrayLike ? Array.prototype.slice.call(row) : row;
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

export class NotPlain extends Error {}

const MAX_DEPTH = 64;

/** Plain data alone. Throws NotPlain for objects of other classes. */
export function copied(value: unknown, depth = 0): unknown {
  if (typeof value !== 'object' || value === null) {
    if (typeof value === 'function' || typeof value === 'symbol') throw new NotPlain();
    return value;
  }
  if (depth > MAX_DEPTH) throw new NotPlain();
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype === Array.prototype) return (value as readonly unknown[]).map((each) => copied(each, depth + 1));
  if (prototype === Object.prototype || prototype === null) return copiedObject(value, depth);
  return copiedBinary(value, prototype);
}

function copiedObject(value: object, depth: number): object {
  const copy: Record<string, unknown> = Object.getPrototypeOf(value) === null ? Object.create(null) : {};
  const names = Object.keys(value);
  if (Object.getOwnPropertyNames(value).length !== names.length || Object.getOwnPropertySymbols(value).length > 0) {
    throw new NotPlain();
  }
  for (const name of names) {
    const each = copied((value as Readonly<Record<string, unknown>>)[name], depth + 1);
    if (name === '__proto__')
      Object.defineProperty(copy, name, { value: each, enumerable: true, writable: true, configurable: true });
    else copy[name] = each;
  }
  return copy;
}

function copiedBinary(value: object, prototype: unknown): object {
  if (prototype === Date.prototype) return new Date((value as Date).getTime());
  if (prototype === ArrayBuffer.prototype) return (value as ArrayBuffer).slice(0);
  if (value instanceof Uint8Array) {
    // A Buffer's own slice would share its bytes; `from` of its class copies them.
    const make = value.constructor as unknown as { from(bytes: Uint8Array): Uint8Array };
    return make.from(value);
  }
  throw new NotPlain();
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null;
}
