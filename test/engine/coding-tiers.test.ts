// Coded responses in tiers that answer late or forget what they are told.

import { describe, expect, it, test } from 'vitest';
import type { Entry } from '../../src/entry/stored-response.ts';
import type { Store } from '../../src/ports.ts';
import { createMemoryStore } from '../../src/store/memory.ts';
import { type CodingBench, codedText, codingBench, TEXT } from '../kit/coding-bench.ts';
import { turns } from '../kit/slow-log.ts';

const URI = 'http://example.org/a';
const BR = ['accept-encoding', 'br'];
const body = (version: number) => `version ${version}; `.repeat(20);

describe('in a store that loses deletions', () => {
  const ETAG = (tag: string) => ['etag', tag];
  test.each<[string, readonly [readonly string[], readonly string[]], (bench: CodingBench) => unknown]>([
    ['after an invalidation', [[], []], ({ gate }) => gate.invalidate({ kind: 'url', uri: URI })],
    ['a second later', [[], []], ({ time }) => time.advance(1_000)],
    ['at once, under another tag', [ETAG('"1"'), ETAG('"2"')], () => {}],
    ['at once, and now without a tag', [ETAG('"1"'), []], () => {}],
  ])('a coded response is not used beside what was filled %s', async (_, [first, second], change) => {
    const memory = createMemoryStore({ maxBytes: 10_000_000 });
    const forgetful: Store = {
      get: (key) => memory.get(key),
      put: (entry) => memory.put(entry),
      delete: () => 0,
      find: (selector) => memory.find(selector),
    };
    const bench = codingBench({ stores: [forgetful] });
    const { get, fill, coded, origin } = bench;
    fill('/a', body(1), first);
    await coded('/a', 'br');
    await change(bench);
    get('/a', ['cache-control', 'no-cache']);
    origin.last.answer(200, [...TEXT, ...second], body(2));
    const hit = get('/a', BR);
    expect([hit.text, hit.field('content-encoding')]).toEqual([body(2), undefined]);
    await coded('/a', 'br');
    expect(get('/a', BR).text).toBe(codedText('br', body(2)));
  });
});

/** A tier that answers, takes and deletes a little later each time, in the order in which it was told. */
function laterStore(): Store {
  const memory = createMemoryStore({ maxBytes: 10_000_000 });
  let turn: Promise<unknown> = Promise.resolve();
  const later = <T>(work: () => T): Promise<T> => {
    const done = turn.then(turns).then(work);
    turn = done;
    return done;
  };
  return {
    get: (key) => later(() => structuredClone(memory.get(key)) as Entry | undefined),
    put: (entry) => later(() => memory.put(entry)),
    delete: (keys) => later(() => memory.delete(keys)),
    find: (selector) => memory.find(selector),
  };
}

async function settled(done: () => boolean): Promise<void> {
  for (let turn = 0; turn < 100 && !done(); turn++) await turns();
}

describe('on a slow tier alone', () => {
  it('a coded response is made and served, through a front that asks for hits only too', async () => {
    const { get, jobs, gate, route, origin } = codingBench({ stores: [laterStore()] });
    const first = get('/a');
    await settled(() => origin.count === 1);
    origin.last.answer(200, [...TEXT], body(1));
    expect(first.text).toBe(body(1));
    const second = get('/a', BR);
    await settled(() => jobs.length > 0);
    expect(second.text).toBe(body(1));
    await jobs[0]!.done();
    await settled(() => gate.stats().coding.made === 1);
    const third = get('/a', BR);
    await settled(() => third.status !== undefined);
    expect(third.text).toBe(codedText('br', body(1)));
    const request = { route, method: 'GET', uri: URI, target: '/a', fields: BR, body: undefined, bypass: false };
    const answer = await gate.answerAtOnce(request);
    expect(answer?.kind === 'stored' && answer.entry.key.endsWith('\n;br')).toBe(true);
  });

  it('what does not become smaller is remembered, though each look-up makes the entry anew', async () => {
    const { get, jobs, gate, origin } = codingBench({ stores: [laterStore()] });
    get('/a');
    await settled(() => origin.count === 1);
    origin.last.answer(200, [...TEXT], body(1));
    get('/a', BR);
    await settled(() => jobs.length > 0);
    await jobs[0]!.done(body(1));
    const again = get('/a', BR);
    await settled(() => again.status !== undefined);
    await settled(() => false);
    expect([again.text, jobs.length, gate.stats().coding.skipped]).toEqual([body(1), 0, { 'not-smaller': 1 }]);
  });
});

describe('behind memory', () => {
  it('a coded response comes back from the slow tier', async () => {
    const memory = createMemoryStore({ maxBytes: 10_000_000 });
    const { get, jobs, gate, origin } = codingBench({ stores: [memory, laterStore()] });
    get('/a');
    await settled(() => origin.count === 1);
    origin.last.answer(200, [...TEXT], body(1));
    await settled(() => false);
    get('/a', BR);
    await settled(() => jobs.length > 0);
    await jobs[0]!.done();
    await settled(() => gate.stats().coding.made === 1);
    await settled(() => false);
    memory.delete(['- api GET http://example.org/a', '- api GET http://example.org/a\n;br']);
    const client = get('/a', BR);
    await settled(() => client.status !== undefined);
    expect(client.text).toBe(codedText('br', body(1)));
  });
});
