// What a ByteStore does with bytes: it keeps them as they are, and as its own; it may forget them after their time to live,
// and not before.

import { setTimeout as delay } from 'node:timers/promises';
import {
  check,
  checkAbsent,
  checkAbsentOr,
  checkThere,
  described,
  type Facts,
  patterned,
  put,
  same,
  text,
} from './checks.ts';

const EVERY_BYTE = Uint8Array.from({ length: 256 }, (_, byte) => byte);

export const bytesFacts: Facts = {
  'gives undefined for what was never put': async (store) => {
    await checkAbsent(store, 'never');
    await put(store, 'other', text('other'));
    await checkAbsent(store, 'never');
  },
  'gives back what was put': async (store) => {
    await put(store, 'key', text('value'));
    await checkThere(store, 'key', text('value'));
    await checkThere(store, 'key', text('value'));
  },
  'keeps every byte as it is, be it text or not': async (store) => {
    const halfCharacter = Uint8Array.of(0xc3, 0x28, 0xff, 0xfe, 0x80);
    const lines = text('a\r\nb\nc\0d\u{feff}');
    for (const [at, bytes] of [EVERY_BYTE, halfCharacter, lines, new Uint8Array(1)].entries()) {
      await put(store, `bytes:${at}`, bytes);
      await checkThere(store, `bytes:${at}`, bytes);
    }
  },
  'keeps a value of no bytes, and knows it from none': async (store) => {
    await put(store, 'empty', new Uint8Array(0));
    await checkThere(store, 'empty', new Uint8Array(0));
  },
  'keeps large values': async (store, { maxValueBytes }) => {
    for (const length of [65_535, 65_537, maxValueBytes].filter((length) => length <= maxValueBytes)) {
      const bytes = patterned(length, length);
      await put(store, `large:${length}`, bytes);
      await checkThere(store, `large:${length}`, bytes);
    }
  },
  'puts in place of what was there, also what is shorter': async (store) => {
    for (const value of ['first', 'a second that is longer', '3rd', '']) {
      await put(store, 'key', text(value));
      await checkThere(store, 'key', text(value));
    }
  },
  'takes a part of a larger buffer as that part alone': async (store) => {
    const part = EVERY_BYTE.subarray(100, 110);
    await put(store, 'part', part);
    await checkThere(store, 'part', Uint8Array.from(part));
  },
  'is not changed by what becomes of the bytes it was given': async (store) => {
    const bytes = text('value');
    await put(store, 'key', bytes);
    bytes.fill(0);
    await checkThere(store, 'key', text('value'));
  },
  'is not changed by what becomes of the bytes it gave': async (store) => {
    await put(store, 'key', text('value'));
    (await store.get('key'))?.fill(0);
    await checkThere(store, 'key', text('value'));
  },
  'takes many puts at once': async (store) => {
    const values = Array.from({ length: 100 }, (_, at) => patterned(100 + at, at));
    await Promise.all(values.map((value, at) => put(store, `many:${at}`, value)));
    await Promise.all(values.map((value, at) => checkThere(store, `many:${at}`, value)));
  },
  'of several puts at once under one key keeps one, whole': async (store) => {
    const values = Array.from({ length: 20 }, (_, at) => patterned(5000 - 200 * at, at));
    const reads: Promise<void>[] = [];
    const checkWhole = async () => {
      const found = await store.get('key');
      const isWhole = found === undefined || values.some((value) => same(value, found));
      check(isWhole, 'one of the values that were put, whole', described(found));
    };
    const puts = values.map((value) => {
      const done = put(store, 'key', value);
      reads.push(checkWhole());
      return done;
    });
    await Promise.all([...puts, ...reads]);
    await checkWhole();
    check((await store.get('key')) !== undefined, 'one of the values that were put', 'undefined');
  },
};

/** Longer than the short times to live below. */
const WHILE_MS = 50;

/** A fraction; more than a timer takes (2^31); more than a date holds; for ever. */
const TTLS_MS = [1500.25, 2 ** 31 + 1, 2 ** 32 + 1, 9e15, Number.MAX_VALUE, Number.POSITIVE_INFINITY];

export const timeFacts: Facts = {
  'takes every time to live above 0, and keeps what has one': async (store, { minTtlMs }) => {
    for (const ttlMs of TTLS_MS) await store.put(`ttl:${ttlMs}`, text(String(ttlMs)), { ttlMs });
    await delay(WHILE_MS);
    for (const ttlMs of TTLS_MS.filter((ttlMs) => ttlMs >= minTtlMs))
      await checkThere(store, `ttl:${ttlMs}`, text(String(ttlMs)));
  },
  'gives what was put or nothing, once its time is over': async (store) => {
    for (const ttlMs of [0.5, 1, 1.5]) await store.put(`brief:${ttlMs}`, text('brief'), { ttlMs });
    await put(store, 'other', text('other'));
    await delay(WHILE_MS);
    for (const ttlMs of [0.5, 1, 1.5]) await checkAbsentOr(store, `brief:${ttlMs}`, text('brief'));
    await checkThere(store, 'other', text('other'));
  },
  'forgets the time to live of what was replaced': async (store) => {
    await store.put('key', text('brief'), { ttlMs: 5 });
    await put(store, 'key', text('lasting'));
    await delay(WHILE_MS);
    await checkThere(store, 'key', text('lasting'));
  },
};
