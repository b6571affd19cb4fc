// The key of a query: where it is asked, by whom, its text and its parameters. Parameters that print alike are not alike, so each
// is written with a mark of its type and its length: no two lists of parameters write the same text.

import { digest128 } from '../../cache/keys/digest.ts';
import { TidegateError } from '../../errors.ts';

/** What is the same for all queries of one database object. */
export interface KeyScope {
  /** Which database: any text that no other database of the same cache has. */
  readonly database: string;
  /** PostgreSQL's search_path, MySQL's default database. */
  readonly schema?: string | undefined;
  /** Who sees other rows than others: a role, a tenant. */
  readonly role?: string | undefined;
  readonly dialect?: string | undefined;
}

export interface KeyedQuery {
  readonly sql: string;
  readonly params: readonly unknown[];
  /** Rows as arrays or as objects, one or all: whatever makes another result of the same text. */
  readonly form?: string | undefined;
  /** The caller's own name for it. Two queries of one name have two keys. */
  readonly tag?: string | undefined;
}

/** 32 hexadecimal digits. Throws E_VALUE when a parameter cannot be written, such as a function. */
export function queryKey(scope: KeyScope, query: KeyedQuery): string {
  const { database, schema, role, dialect } = scope;
  const { sql, params, form, tag } = query;
  return digest([database, schema, role, dialect, form, tag, sql, params]);
}

/** 32 hexadecimal digits for any plain values, told apart by their types. */
export function digest(values: readonly unknown[]): string {
  return digest128(written(values, '$'));
}

/** A mark of the type, the length where the text says nothing of it, and the text. */
function written(value: unknown, path: string): string {
  switch (typeof value) {
    case 'undefined':
      return 'u;';
    case 'string':
      return `s${value.length}:${value}`;
    case 'number':
      return Object.is(value, -0) ? 'n-0;' : `n${value};`;
    case 'bigint':
      return `i${value};`;
    case 'boolean':
      return value ? 't;' : 'f;';
    case 'object':
      return value === null ? '0;' : writtenObject(value, path);
    default:
      throw new TidegateError('E_VALUE', `expected a parameter that can be written at ${path}, got a ${typeof value}`);
  }
}

function writtenObject(value: object, path: string): string {
  if (Array.isArray(value))
    return `a${value.length}:${value.map((item, at) => written(item, `${path}[${at}]`)).join('')}`;
  if (value instanceof Date) return `d${value.getTime()};`;
  const bytes = bytesOf(value);
  if (bytes !== undefined) {
    const hexadecimal = Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
    return `b${value.constructor.name}:${bytes.length}:${hexadecimal}`;
  }
  const prototype: unknown = Object.getPrototypeOf(value);
  const { toJSON } = value as { toJSON?: unknown };
  if (typeof toJSON === 'function') return `j${nameOf(prototype)}:${written(toJSON.call(value), path)}`;
  if (value instanceof Map || value instanceof Set) return `m${nameOf(prototype)}:${written([...value], path)}`;
  const fields = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  return `o${nameOf(prototype)}:${fields.length}:${fields.map(([name, field]) => `${written(name, path)}${written(field, `${path}.${name}`)}`).join('')}`;
}

function nameOf(prototype: unknown): string {
  const made = (prototype as { constructor?: { name?: unknown } } | null)?.constructor;
  return typeof made?.name === 'string' ? made.name : '';
}

function bytesOf(value: object): Uint8Array | undefined {
  if (ArrayBuffer.isView(value)) return new Uint8Array(value.buffer, value.byteOffset, value.byteLength);
  return value instanceof ArrayBuffer || value instanceof SharedArrayBuffer ? new Uint8Array(value) : undefined;
}
