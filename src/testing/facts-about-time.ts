// What a ByteStore does with times: it may forget after the ttl, and not before.

import { setTimeout as delay } from 'node:timers/promises';
import { checkAbsentOr, checkThere, type Fact, put, text } from './checks.ts';

/** Longer than the short times to live below. */
const WHILE_MS = 50;

/** A fraction; more than a timer takes (2^31); more than a date holds; for ever. */
const TTLS_MS = [1500.25, 2 ** 31 + 1, 2 ** 32 + 1, 9e15, Number.MAX_VALUE, Number.POSITIVE_INFINITY];

export const timeFacts: readonly Fact[] = [
  {
    name: 'takes every time to live above 0, and keeps what has one',
    holds: async (store) => {
      for (const ttlMs of TTLS_MS) await store.put(`ttl:${ttlMs}`, text(String(ttlMs)), { ttlMs });
      await delay(WHILE_MS);
      for (const ttlMs of TTLS_MS) await checkThere(store, `ttl:${ttlMs}`, text(String(ttlMs)));
    },
  },
  {
    name: 'gives what was put or nothing, once its time is over',
    holds: async (store) => {
      for (const ttlMs of [0.5, 1, 1.5]) await store.put(`brief:${ttlMs}`, text('brief'), { ttlMs });
      await put(store, 'other', text('other'));
      await delay(WHILE_MS);
      for (const ttlMs of [0.5, 1, 1.5]) await checkAbsentOr(store, `brief:${ttlMs}`, text('brief'));
      await checkThere(store, 'other', text('other'));
    },
  },
  {
    name: 'forgets the time to live of what was replaced',
    holds: async (store) => {
      await store.put('key', text('brief'), { ttlMs: 5 });
      await put(store, 'key', text('lasting'));
      await delay(WHILE_MS);
      await checkThere(store, 'key', text('lasting'));
    },
  },
];
