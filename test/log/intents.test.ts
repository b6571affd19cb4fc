// Writes whose intents stay open are never so many that others are refused: they share intents that hold more.

import { expect, test } from 'vitest';
import { Ledger } from '../../src/ledger/ledger.ts';
import type { LogChange } from '../../src/ledger/log.ts';
import { World } from './rules-world.ts';

/** The keeper beside a member with a ledger; each call opens the intents of some writes. */
async function begun() {
  const world = new World();
  world.keeper = world.instance(100_000);
  const writing = await world.member('w', { mode: 'strict' });
  let ids = 0;
  const write = async (uris: readonly string[]) => {
    const opens = uris.map((uri): LogChange => ({ kind: 'open', intent: `i-${++ids}`, uri }));
    await Promise.all(opens.map((open) => writing.log.append(open)));
    return opens.map((open) => (open as { readonly intent: string }).intent);
  };
  const reader = async (name: string) => {
    const { log, heard } = await world.member(name, { mode: 'strict' });
    const { invalidations } = log.history();
    const ledger = new Ledger(invalidations, () => ({ uri: '', origin: '', tags: [] }));
    for (const [position, change] of heard) ledger.apply(position, change);
    log.follow((position, change) => ledger.apply(position, change));
    const subject = (uri: string) => ({ uri, origin: 'o', tags: [] });
    return {
      hears: () => log.renew(),
      isHeld: (uri: string) => ledger.judge(ledger.stamp(), subject(uri)) === 'intent-open',
      lastAffecting: (uri: string) => invalidations.lastAffecting(subject(uri)),
      open: () => ledger.openIntents,
    };
  };
  const passes = async (ms: number) => {
    world.time.advance(ms);
    await world.keeper.alarm();
  };
  return { world, write, reader, passes, close: (intent: string) => writing.log.append({ kind: 'close', intent }) };
}

const many = (count: number, uri: (at: number) => string) => Array.from({ length: count }, (_, at) => uri(at));

test.each([
  ['one URI', 7_000, () => 'https://a.example/x/y?z', ['https://a.example/x/y?z'], ['https://a.example/x/z']],
  [
    'one directory',
    7_000,
    (at: number) => `https://a.example/x/${at}`,
    ['https://a.example/x/6999', 'https://a.example/x/other', 'https://a.example/x/y/z'],
    ['https://a.example/y', 'https://b.example/x/1'],
  ],
  [
    'one path with many queries',
    2_600,
    (at: number) => `https://a.example/x?at=${at}/${at}`,
    ['https://a.example/x?at=2599/2599', 'https://a.example/y'],
    ['https://b.example/'],
  ],
  [
    'few URIs of one directory',
    2_000,
    (at: number) => `https://a.example/x/${at % 50}`,
    ['https://a.example/x/0', 'https://a.example/x/49'],
    ['https://a.example/x/50', 'https://a.example/x/'],
  ],
  [
    'long URIs',
    100,
    (at: number) => `https://a.example/x/${at}?${'q'.repeat(4_000)}`,
    [`https://a.example/x/0?${'q'.repeat(4_000)}`, `https://a.example/x/99?${'q'.repeat(4_000)}`],
    ['https://a.example/x/y', 'https://a.example/x/1'],
  ],
  [
    'long directories',
    30,
    () => `https://a.example/${'x'.repeat(4_000)}/`,
    [`https://a.example/${'x'.repeat(4_000)}/`],
    ['https://a.example/'],
  ],
  [
    'one URI, while the log has as many as it takes',
    5_100,
    (at: number) => (at < 30 || at >= 5_009 ? 'https://a.example/x' : `https://a.example/${at}/x`),
    ['https://a.example/x', 'https://a.example/5008/x'],
    ['https://a.example/y'],
  ],
  [
    'everything',
    7_000,
    (at: number) => `https://a.example/${at}/x`,
    ['https://a.example/6999/x', 'https://b.example/y'],
    [],
  ],
])(
  'writes on %s are all taken, and hold what they may change and little more',
  async (_, count, uri, held, free) => {
    const { world, write, reader, passes } = await begun();
    const early = await reader('early');
    for (let at = 0; at < count; at += 1_000) await write(many(Math.min(1_000, count - at), (one) => uri(at + one)));
    await early.hears();
    const late = await reader('late');
    for (const one of [early, late]) {
      expect(held.map((text) => [text, one.isHeld(text)])).toEqual(held.map((text) => [text, true]));
      expect(free.map((text) => [text, one.isHeld(text)])).toEqual(free.map((text) => [text, false]));
      expect(one.open()).toBeLessThan(6_100);
    }
    const { membership } = await world.keeper.renew({ ...NOBODY });
    expect(membership?.intents.length).toBeLessThan(6_100);
    // Nobody ends them: the writers have vanished.
    await passes(61_000);
    await late.hears();
    for (const text of held) expect(late.lastAffecting(text)).toBeGreaterThan(0);
    for (const text of free) expect([late.isHeld(text), late.lastAffecting(text)]).toEqual([false, 0]);
    const after = held.map((text) => late.lastAffecting(text));
    await passes(31_000);
    await late.hears();
    for (const [at, text] of held.entries()) expect(late.lastAffecting(text)).toBeGreaterThan(after[at] as number);
    expect(late.open()).toBe(0);
  },
  180_000,
);

const NOBODY = { member: 'n', known: undefined, changes: [], leaseMs: 0, awaited: false };

test('a write that ends gives up its own intent, and never that of others', async () => {
  const { write, reader, close } = await begun();
  const uri = 'https://a.example/x';
  const ids = await write(many(30, () => uri));
  for (const id of ids) await close(id);
  const one = await reader('r');
  // Ten of them share one, of which only the keeper knows the end.
  expect([one.isHeld(uri), one.open()]).toEqual([true, 1]);
  const [other = ''] = await write(['https://a.example/z']);
  await one.hears();
  expect(one.isHeld('https://a.example/z')).toBe(true);
  await close(other);
  await one.hears();
  expect(one.isHeld('https://a.example/z')).toBe(false);
});

test('a shared intent lasts as long as that of the last write that shares it, also over a restart', async () => {
  const { world, write, reader, passes } = await begun();
  const uri = 'https://a.example/x';
  await write(many(20, () => uri));
  for (let second = 0; second < 40; second++) {
    await write([uri]);
    world.time.advance(1_000);
  }
  world.keeper = world.instance(100_000);
  // The first writes are over 60 s old by then, the last ones are not.
  await passes(52_000);
  await passes(31_000);
  const one = await reader('r');
  expect(one.isHeld(uri)).toBe(true);
  await passes(9_000);
  await passes(31_000);
  await one.hears();
  expect([one.isHeld(uri), one.open()]).toEqual([false, 0]);
});
