// One text for each value: the same for equal values, and never the same for two that differ.
//
// Every part says its type and where it ends, so that no text in a value can look like the end of
// one: `1`, `'1'` and `[1]` differ, and so do `['a,b']` and `['a', 'b']`.

import { TidegateError } from '../../errors.ts';
import { digest128 } from './digest.ts';

/** Deeper values are refused; a value that contains itself is one of them. */
const MAX_DEPTH = 64;

/** Names of objects are sorted, properties that are undefined left out. Throws what `refuse` makes of the reason. */
export function canonical(value: unknown, refuse: (reason: string) => Error): string {
  return written(value, { refuse, path: '', depth: 0 });
}

/**
 * A strong entity tag (RFC 9110, section 8.8.3) of what the value contains: the same for equal values, whatever the order of their properties, and
 * in every process. It takes about as long as writing the value as JSON a few times. Throws E_VALUE for what is no plain
 * data.
 */
export function etagOf(value: unknown): string {
  return `"${digest128(canonical(value, (reason) => new TidegateError('E_VALUE', reason)))}"`;
}

interface Place {
  readonly refuse: (reason: string) => Error;
  readonly path: string;
  readonly depth: number;
}

function written(value: unknown, place: Place): string {
  switch (typeof value) {
    case 'string':
      return text(value);
    case 'number':
      // 0 and -0 are the same to a program that compares them.
      return `n${value === 0 ? 0 : value};`;
    case 'boolean':
      return value ? 't' : 'f';
    case 'bigint':
      return `i${value};`;
    case 'undefined':
      return 'u';
    case 'object':
      return value === null ? '0' : writtenObject(value, place);
    default:
      throw refusal(place, `a ${typeof value}`);
  }
}

function text(value: string): string {
  return `s${value.length}:${value}`;
}

function writtenObject(value: object, place: Place): string {
  if (place.depth >= MAX_DEPTH) throw refusal(place, `more than ${MAX_DEPTH} levels, or a value that contains itself`);
  if (Array.isArray(value)) return `[${value.map((item, at) => written(item, within(place, at))).join('')}]`;
  if (value instanceof Date) {
    if (Number.isNaN(value.getTime())) throw refusal(place, 'an invalid Date');
    return `d${value.getTime()};`;
  }
  if (value instanceof Map) return writtenMap(value, place);
  if (value instanceof Set) return `S${sorted([...value].map((item, at) => written(item, within(place, at))))}]`;
  if (ArrayBuffer.isView(value)) return writtenBytes(value);
  if (value instanceof ArrayBuffer) return writtenBytes(new Uint8Array(value));
  const prototype = Object.getPrototypeOf(value) as unknown;
  if (prototype !== null && Object.getPrototypeOf(prototype) !== null) throw refusal(place, 'an instance of a class');
  const names = Object.keys(value).sort();
  const properties = value as Readonly<Record<string, unknown>>;
  const given = names.filter((name) => properties[name] !== undefined);
  return `{${given.map((name) => text(name) + written(properties[name], within(place, name))).join('')}}`;
}

/** Which comes first matters neither in a Map nor in a Set. */
function writtenMap(map: ReadonlyMap<unknown, unknown>, place: Place): string {
  return `M${sorted([...map].map(([key, value], at) => written(key, within(place, at)) + written(value, within(place, at))))}]`;
}

function sorted(parts: string[]): string {
  return parts.sort().join('');
}

function writtenBytes(view: ArrayBufferView): string {
  const bytes = new Uint8Array(view.buffer, view.byteOffset, view.byteLength);
  let hex = '';
  for (const byte of bytes) hex += byte.toString(16).padStart(2, '0');
  return `b${view.constructor.name}:${hex};`;
}

function within(place: Place, name: string | number): Place {
  return { refuse: place.refuse, path: `${place.path}.${name}`, depth: place.depth + 1 };
}

function refusal({ refuse, path }: Place, got: string): Error {
  const at = path === '' ? '' : ` at ${path.slice(1)}`;
  return refuse(`expected plain data (null, text, numbers, booleans, dates, bytes, arrays, objects)${at}, got ${got}`);
}
