// What a ByteStore does with keys: it tells them apart, removes those it is told to, and lists them.

import { shown } from '../errors.ts';
import type { ByteStore } from '../ports.ts';
import { check, checkAbsent, checkThere, type Facts, put, text } from './checks.ts';

/** Those that file systems, objects, globs, URLs and protocols of lines take for others, or for something special. */
const AWKWARD = [
  ...['a', 'A', '\u00e1', 'a\u0301', 'a ', ' a', 'a b', ...'a. . .. ../a /a a/ a/b a//b a\\b a_b a:b'.split(' ')],
  ...'a%2fb a%2Fb a+b a* a? [a] {a} ~ $a #a "a" \'a\' `a` a,b a=b -a'.split(' '),
  ...'__proto__ constructor toString hasOwnProperty length 0 00 -0 1e3 null undefined'.split(' '),
  ...['con', 'nul', 'aux.txt', 'users:1§2', '\u{1f600}', '\u{1f601}', '日本語', 'ß', 'ss', 'ﬀ', 'ff', 'İ', 'i'],
];

const MAX_KEY_BYTES = 512;
/** Of 512 bytes each, alike but for their ends. */
const LONG = [
  `${'k'.repeat(MAX_KEY_BYTES - 1)}1`,
  `${'k'.repeat(MAX_KEY_BYTES - 1)}2`,
  `${'日'.repeat(170)}:1`,
  `${'日'.repeat(170)}:2`,
  '\u{1f600}'.repeat(128),
  'k'.repeat(MAX_KEY_BYTES - 1),
];

export const keyFacts: Facts = {
  'tells keys apart, whatever is in them': async (store) => {
    for (const key of AWKWARD) await checkAbsent(store, key);
    await checkApart(store, AWKWARD);
  },
  [`takes keys of up to ${MAX_KEY_BYTES} bytes of UTF-8`]: (store) => checkApart(store, LONG),
  'removes what it is told to, and nothing else': async (store) => {
    for (const key of ['a', 'b', 'ab', 'a:b']) await put(store, key, text(key));
    await store.delete(['a', 'b']);
    await checkAbsent(store, 'a', 'what was removed');
    await checkAbsent(store, 'b', 'what was removed');
    await checkThere(store, 'ab', text('ab'));
    await checkThere(store, 'a:b', text('a:b'));
    await put(store, 'a', text('again'));
    await checkThere(store, 'a', text('again'));
  },
  'removes keys that look like patterns as what they are': async (store) => {
    await put(store, 'kept', text('kept'));
    for (const key of ['*', 'k*', '?ept', '.*']) await store.delete([key]);
    await checkThere(store, 'kept', text('kept'));
  },
  'says how many it removed, or 0': async (store) => {
    await checkRemoved(store, [], 0);
    await checkRemoved(store, ['never'], 0);
    for (const key of ['a', 'b', 'c']) await put(store, key, text(key));
    await checkRemoved(store, ['a', 'a', 'never'], 1);
    await checkRemoved(store, ['a', 'b', 'c'], 2);
  },
  'removes many at once': async (store) => {
    const keys = Array.from({ length: 1000 }, (_, at) => `many:${at}`);
    await Promise.all(keys.map((key) => put(store, key, text(key))));
    await checkRemoved(store, keys, keys.length);
    await Promise.all(keys.map((key) => checkAbsent(store, key, 'what was removed')));
  },
  'lists the keys that are there, if it lists any': async (store) => {
    if (store.keys === undefined) return;
    checkList(await listed(store), []);
    const keys = [...AWKWARD, ...LONG];
    for (const key of keys) await put(store, key, text('1'));
    await put(store, keys[0] as string, text('2'));
    checkList(await listed(store), keys);
    await store.delete(keys.slice(0, 10));
    checkList(await listed(store), keys.slice(10));
  },
  'may be changed while its keys are listed': async (store) => {
    if (store.keys === undefined) return;
    const keys = Array.from({ length: 50 }, (_, at) => `listed:${at}`);
    for (const key of keys) await put(store, key, text(key));
    for await (const key of store.keys()) await store.delete([key]);
    for (const key of keys) await checkAbsent(store, key, 'what was removed');
  },
};

async function checkApart(store: ByteStore, keys: readonly string[]): Promise<void> {
  for (const key of keys) await put(store, key, text(`value of ${key}`));
  for (const key of keys) await checkThere(store, key, text(`value of ${key}`));
  const [first, ...others] = keys as readonly [string, ...string[]];
  await store.delete([first]);
  await checkAbsent(store, first, 'what was removed');
  for (const key of others) await checkThere(store, key, text(`value of ${key}`));
}

async function checkRemoved(store: ByteStore, keys: readonly string[], expected: number): Promise<void> {
  const got: unknown = await store.delete(keys);
  const what = `delete() of ${keys.length} keys, ${expected} of them there, to give ${expected}, or 0`;
  check(got === expected || got === 0, what, String(got));
}

async function listed(store: ByteStore): Promise<string[]> {
  const keys: string[] = [];
  for await (const key of store.keys?.() ?? []) keys.push(key);
  return keys;
}

function checkList(got: readonly string[], expected: readonly string[]): void {
  const missing = expected.filter((key) => !got.includes(key));
  const others = got.filter((key) => !expected.includes(key));
  check(missing.length === 0, 'keys() to give every key that is there', `none for ${missing.map(shown).join(', ')}`);
  check(others.length === 0, 'keys() to give keys that are there', others.map(shown).join(', '));
  check(new Set(got).size === got.length, 'keys() to give each key once', 'one of them twice');
}
