// What the facts about stores share: values to put, and checks that say what was expected and what was got.

import { shown } from '../errors.ts';
import type { ByteStore } from '../ports.ts';

/** Facts about stores by name: each throws when it does not hold. */
export type Facts = Readonly<
  Record<
    string,
    (store: ByteStore, limits: { readonly maxValueBytes: number; readonly minTtlMs: number }) => Promise<void>
  >
>;

/** Long enough for every test. */
const HOUR = { ttlMs: 3_600_000 };

/** Bytes that no other seed gives. */
export function patterned(length: number, seed: number): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(length);
  let state = seed + 1;
  for (let at = 0; at < length; at++) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    bytes[at] = state >>> 24;
  }
  return bytes;
}

/** A few bytes that tell which they are. */
export function text(content: string): Uint8Array<ArrayBuffer> {
  return new TextEncoder().encode(content);
}

export function check(holds: boolean, expected: string, got: string): void {
  if (!holds) throw new Error(`expected ${expected}, got ${got}`);
}

/** For an hour. */
export async function put(store: ByteStore, key: string, bytes: Uint8Array): Promise<void> {
  await store.put(key, bytes, HOUR);
}

/** Throws unless these very bytes are under the key. */
export async function checkThere(store: ByteStore, key: string, bytes: Uint8Array): Promise<void> {
  const found: unknown = await store.get(key);
  check(found instanceof Uint8Array, `what was put under ${shown(key)} as a Uint8Array`, described(found));
  const got = found as Uint8Array;
  check(same(got, bytes), `what was put last under ${shown(key)}: ${described(bytes)}`, described(got));
}

export async function checkAbsent(store: ByteStore, key: string, what = 'nothing'): Promise<void> {
  const found: unknown = await store.get(key);
  check(found === undefined, `${what} under ${shown(key)}: undefined`, described(found));
}

/** Throws when there is something under the key, and other than these bytes. */
export async function checkAbsentOr(store: ByteStore, key: string, bytes: Uint8Array): Promise<void> {
  if ((await store.get(key)) !== undefined) await checkThere(store, key, bytes);
}

export function same(one: Uint8Array, other: Uint8Array): boolean {
  return one.length === other.length && one.every((byte, at) => byte === other[at]);
}

export function described(value: unknown): string {
  if (value === null || value === undefined) return String(value);
  if (!(value instanceof Uint8Array)) return typeof value === 'object' ? value.constructor.name : typeof value;
  return `${value.length} bytes ${value.subarray(0, 8).join(' ')}${value.length > 8 ? ' …' : ''}`;
}
