// The kinds of values that can be kept: how to recognise and copy each. value-bytes.ts has their memory.
//
// A value may come from another realm (a test runner's, a vm context) with its own Object and Array. Plain objects and
// arrays of any realm are taken; all other kinds only from this one.

/** Whether it is like `{}` or has no prototype. */
export function isPlainObject(value: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype === Object.prototype || prototype === null) return true;
  return Object.getPrototypeOf(prototype) === null && Object.hasOwn(prototype as object, 'isPrototypeOf');
}

export function isPlainArray(value: object): value is unknown[] {
  if (!Array.isArray(value)) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Array.prototype || (Array.isArray(prototype) && prototypeName(value) === 'Array');
}

const TypedArray = Object.getPrototypeOf(Uint8Array) as { readonly prototype: object };

/** A copy of a value without parts; returns undefined for an unknown kind. */
export function leafCopy(value: object): object | undefined {
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype === Date.prototype) return new Date((value as Date).getTime());
  if (prototype === RegExp.prototype) return new RegExp(value as RegExp);
  if (prototype === ArrayBuffer.prototype) {
    return (value as ArrayBuffer).detached ? undefined : (value as ArrayBuffer).slice();
  }
  if (!ArrayBuffer.isView(value)) return undefined;
  if (prototype === DataView.prototype) {
    const { buffer, byteOffset, byteLength } = value as DataView;
    return new DataView(buffer.slice(byteOffset, byteOffset + byteLength));
  }
  // Buffer's own method of that name shares the bytes; this one copies, and gives a Buffer.
  const isKnown = Object.getPrototypeOf(prototype) === TypedArray.prototype || isBuffer(value);
  return isKnown ? Uint8Array.prototype.slice.call(value) : undefined;
}

interface TemporalClass {
  readonly prototype: object;
  from(value: object): object;
}

declare const Temporal: object;

/** The platform's Temporal classes; an older one has none. */
const TEMPORAL: readonly TemporalClass[] = Object.values(
  Object.getOwnPropertyDescriptors(typeof Temporal === 'undefined' ? {} : Temporal),
).flatMap(({ value }) => (typeof value === 'function' ? [value as TemporalClass] : []));

/** A Temporal value is immutable, so it is shared. Returns undefined for any other value. */
export function temporalCopy(value: object): object | undefined {
  const prototype: unknown = Object.getPrototypeOf(value);
  const made = TEMPORAL.find((each) => each.prototype === prototype);
  return made && Object.freeze(made.from(value));
}

/** Node's Buffer, which this room does not know by name. */
function isBuffer(value: object): boolean {
  const maker = value.constructor as unknown as { readonly isBuffer?: (value: object) => boolean } | undefined;
  return prototypeName(value) === 'Buffer' && maker?.isBuffer?.(value) === true;
}

/** Describes a value of an unknown kind, for a message. */
export function describe(value: object): string {
  const name = prototypeName(value);
  return name === undefined || name === '' ? 'an instance of a class without a name' : `an instance of ${name}`;
}

function prototypeName(value: object): string | undefined {
  const prototype = Object.getPrototypeOf(value) as { readonly constructor?: { readonly name?: unknown } } | null;
  const name = prototype?.constructor?.name;
  return typeof name === 'string' ? name : undefined;
}

/** `.rows[3]["odd key"]`; empty for the value itself. */
export function pathText(steps: readonly (string | number)[]): string {
  const isPlain = (step: string | number) => typeof step === 'string' && /^(?:[A-Za-z_$][\w$]*|<.*>)$/.test(step);
  return steps.map((step) => (isPlain(step) ? `.${step}` : `[${JSON.stringify(step)}]`)).join('');
}

/** Sets own properties that are not enumerable: rows of libSQL hold their values by position in such properties. */
export function withHidden<T extends object>(target: T, hidden: Readonly<Record<string, unknown>>): T {
  for (const [name, value] of Object.entries(hidden)) {
    Object.defineProperty(target, name, { value, enumerable: false, writable: true, configurable: true });
  }
  return target;
}

/** `listed`: the enumerable names. */
export function hiddenNames(value: object, listed: readonly string[]): readonly string[] {
  const all = Object.getOwnPropertyNames(value);
  if (all.length === listed.length) return NONE;
  const known = new Set(listed);
  return all.filter((name) => !known.has(name));
}

const NONE: readonly string[] = [];

/**
 * Results of database drivers that are instances of driver classes: kept as the plain data that the driver documents. Their
 * other contents, such as parsers and the connection's state, are of no use to a reader.
 */
const RESULTS: readonly {
  /** Name of the constructor. Several drivers share a name, so the fields count as well. */
  readonly name: string;
  /** Own properties that identify it. */
  readonly told: readonly string[];
  toPlain(result: Fields): object;
}[] = [
  {
    // postgres.js: the list of its rows.
    name: 'Result',
    told: ['length', 'count', 'command', 'columns', 'statement'],
    toPlain: (result) => Array.prototype.slice.call(result),
  },
  {
    // pg
    name: 'Result',
    told: ['rows', 'fields', 'rowCount', 'command', '_parsers'],
    toPlain: (result) => ({
      ...taken(result, ['command', 'rowCount', 'oid', 'rows']),
      fields: (result.fields as readonly object[]).map((field) => ({ ...field })),
    }),
  },
  {
    // @libsql/client
    name: 'ResultSetImpl',
    told: ['columns', 'columnTypes', 'rows', 'rowsAffected'],
    toPlain: (result) => taken(result, ['columns', 'columnTypes', 'rows', 'rowsAffected', 'lastInsertRowid']),
  },
  {
    // An interval of pg; its properties are the parts that are not 0.
    name: 'PostgresInterval',
    told: [],
    toPlain: (interval) => ({ ...interval }),
  },
];

type Fields = Readonly<Record<string, unknown>>;

/** Returns undefined when the value is no result of a known driver. */
export function plainResult(value: object): object | undefined {
  const { name } = value.constructor ?? {};
  const known = RESULTS.find((each) => each.name === name && each.told.every((field) => Object.hasOwn(value, field)));
  return known?.toPlain(value as Fields);
}

function taken(result: Fields, names: readonly string[]): Record<string, unknown> {
  return Object.fromEntries(names.map((name) => [name, result[name]]));
}
