// Rates of calls, on a clock of the test's own.

import { expect, test } from 'vitest';
import { adminCounts, CallRoom } from '../../src/admin/call-room.ts';

function room() {
  let nowMs = 0;
  const counts = adminCounts();
  const limits = { calls: { perSecond: 10, burst: 20 }, wrongTokens: { perSecond: 1, burst: 5 } };
  const under = new CallRoom(limits, { monotonic: () => nowMs }, counts);
  return { under, counts, pass: (ms: number) => (nowMs += ms) };
}

const STATS = { method: 'GET', path: '/stats' };
const REPORT = { method: 'POST', path: '/sources' };

test('a burst is taken, then as many a second; Retry-After says when', () => {
  const { under, counts, pass } = room();
  for (let at = 0; at < 20; at++) expect(under.take(STATS)).toBeUndefined();
  expect(under.take(STATS)).toMatchObject({ status: 429, fields: ['retry-after', '1'] });
  pass(1_000);
  for (let at = 0; at < 10; at++) expect(under.take(STATS)).toBeUndefined();
  expect(under.take(STATS)?.status).toBe(429);
  pass(3_600_000);
  for (let at = 0; at < 20; at++) expect(under.take(STATS)).toBeUndefined();
  expect(under.take(STATS)?.status).toBe(429);
  expect(counts).toMatchObject({ calls: 3, reports: 0 });
});

test('other calls do not keep reports of trackers out', () => {
  const { under, counts } = room();
  for (let at = 0; at < 100; at++) under.take(STATS);
  for (let at = 0; at < 20; at++) expect(under.take(REPORT)).toBeUndefined();
  expect(under.take(REPORT)?.status).toBe(429);
  expect(counts).toMatchObject({ calls: 80, reports: 1 });
});

test('webhooks and tenants have calls of their own, and do not keep the operator out', () => {
  const { under, counts } = room();
  const hook = { method: 'POST', path: '/publish/cms', hook: 'cms' };
  for (let at = 0; at < 20; at++) expect(under.take(hook)).toBeUndefined();
  expect(under.take(hook)).toMatchObject({ status: 429, fields: ['retry-after', '1'] });
  // A tenth of the rate of all calls.
  for (let at = 0; at < 2; at++) expect(under.take({ ...STATS, tenant: 'acme' })).toBeUndefined();
  expect(under.take({ ...STATS, tenant: 'acme' })?.status).toBe(429);
  for (const other of [STATS, REPORT, { ...hook, hook: 'shop' }, { ...STATS, tenant: 'other' }])
    expect(under.take(other)).toBeUndefined();
  expect(counts.calls).toBe(2);
});

test('an address with too many wrong tokens is shut, and no other', () => {
  const { under, counts, pass } = room();
  for (let at = 0; at < 5; at++) expect(under.shut('192.0.2.1')).toBeUndefined();
  expect(under.shut('192.0.2.1')).toMatchObject({ status: 429, fields: ['retry-after', '1'] });
  expect(under.shut('::ffff:192.0.2.1')?.status).toBe(429);
  expect(under.shut('192.0.2.2')).toBeUndefined();
  pass(1_000);
  expect(under.shut('192.0.2.1')).toBeUndefined();
  expect(under.shut('192.0.2.1')?.status).toBe(429);
  expect(counts['wrong-tokens']).toBe(3);
});

test('right tokens cost nothing', () => {
  const { under } = room();
  for (let at = 0; at < 100; at++) {
    expect(under.shut('192.0.2.1')).toBeUndefined();
    under.rightToken('192.0.2.1');
  }
});

test('a network of IPv6 is one address', () => {
  const { under } = room();
  for (let at = 0; at < 5; at++) under.shut(`2001:db8::${at + 1}`);
  expect(under.shut('2001:db8:0:0:ffff::1')?.status).toBe(429);
  expect(under.shut('2001:db8:0:1::1')).toBeUndefined();
});

test('addresses are remembered up to a number', () => {
  const { under } = room();
  for (let at = 0; at < 5; at++) under.shut('192.0.2.1');
  for (let at = 0; at < 1_024; at++) under.shut(`10.0.${at >> 8}.${at & 255}`);
  expect(under.shut('192.0.2.1')).toBeUndefined();
});
