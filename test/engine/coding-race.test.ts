// Coded responses and change: whatever comes while one is made, or after, none is served beside content that it was not
// made from, and none that an invalidation affects.

import fc from 'fast-check';
import { describe, expect, it, test } from 'vitest';
import { type CodingBench, codedText, codingBench, TEXT } from '../kit/coding-bench.ts';
import { turns } from '../kit/slow-log.ts';

const URI = 'http://example.org/a';
const BR = ['accept-encoding', 'br'];
const body = (version: number) => `version ${version}; `.repeat(20);

/** The version in a body, coded or not. */
function versionOf(text: string): number {
  return Number(/version (\d+);/.exec(text)?.[1]);
}

const CHANGES: readonly (readonly [string, (bench: CodingBench) => Promise<unknown>])[] = [
  ['url', ({ gate }) => gate.invalidate({ kind: 'url', uri: URI })],
  ['tag', ({ gate }) => gate.invalidate({ kind: 'tag', tag: 'tide' })],
  ['all', ({ gate }) => gate.invalidate({ kind: 'all' })],
  ['purge', ({ gate }) => gate.purge({ kind: 'url', uri: URI })],
  [
    'write',
    async ({ ask, origin }) => {
      ask({ method: 'PUT', path: '/a' });
      origin.last.answer(204);
    },
  ],
];

const STEPS = ['before it is asked for', 'while it waits', 'while it is made', 'as it is done', 'once it is stored'];

describe.each(CHANGES)('a change (%s)', (_, change) => {
  test.each(STEPS.map((name, step) => [name, step] as const))(
    '%s: nothing older is served after it',
    async (_name, at) => {
      const bench = codingBench();
      const { get, fill, jobs, origin, gate } = bench;
      fill('/a', body(1), ['etag', '"1"', 'cache-tag', 'tide']);
      const changeAt = async (step: number) => void (step === at && (await change(bench)));
      await changeAt(0);
      if (at > 0) get('/a', BR);
      await changeAt(1);
      await turns();
      await changeAt(2);
      const done = jobs[0]?.done();
      await changeAt(3);
      await done;
      await changeAt(4);
      const before = origin.count;
      const client = get('/a', BR);
      expect([client.status, origin.count]).toEqual([undefined, before + 1]);
      origin.last.answer(200, [...TEXT, 'etag', '"2"', 'cache-tag', 'tide'], body(2));
      expect(versionOf(client.text)).toBe(2);
      for (let ask = 0; ask < 3; ask++) {
        const again = get('/a', BR);
        expect([versionOf(again.text), again.field('etag')]).toEqual([2, '"2"']);
        if (again.field('content-encoding') === undefined) expect(again.text).toBe(body(2));
      }
      await turns();
      while (jobs.length > 0) await jobs[0]!.done();
      const coded = get('/a', BR);
      expect([coded.text, coded.field('etag')]).toEqual([codedText('br', body(2)), '"2~br"']);
      expect(gate.stats().coding.made).toBe(at === 4 ? 2 : 1);
    },
  );

  test('once it is stored, and the origin says that nothing has changed: it is the same again', async () => {
    const bench = codingBench();
    const { get, fill, coded, origin, memory } = bench;
    fill('/a', body(1), ['etag', '"1"', 'cache-tag', 'tide']);
    await coded('/a', 'br');
    await change(bench);
    const client = get('/a', BR);
    const purged = [...memory.find({ kind: 'url', uri: URI })].length === 0;
    if (purged) origin.last.answer(200, [...TEXT, 'etag', '"1"'], body(1));
    else origin.last.head(304, [...TEXT, 'etag', '"1"']).end();
    expect(client.status).toBe(200);
    expect(client.field('content-encoding')).toBe(purged ? undefined : 'br');
  });
});

describe('freshened', () => {
  it('by a 304, the coded response goes on under the new stamp, and is not made again', async () => {
    const { get, fill, coded, gate, origin, jobs, time } = codingBench();
    fill('/a', body(1), ['etag', '"1"']);
    await coded('/a', 'br');
    for (let times = 0; times < 3; times++) {
      time.advance(4_000_000);
      const client = get('/a', BR);
      expect(origin.last.field('if-none-match')).toBe('"1"');
      origin.last.head(304, ['cache-control', 'max-age=3600', 'etag', '"1"']).end();
      expect(client.field('vary')).toBe('Accept-Encoding');
      expect([client.text, client.field('age')]).toEqual([codedText('br', body(1)), '0']);
      expect(get('/a', BR).text).toBe(codedText('br', body(1)));
    }
    expect(gate.stats().coding.made).toBe(1);
    expect(jobs).toEqual([]);
  });

  it('under another Vary, it still varies by the coding', async () => {
    const { get, fill, origin, time } = codingBench();
    fill('/a', body(1), ['etag', '"1"']);
    time.advance(4_000_000);
    const client = get('/a', BR);
    origin.last.head(304, ['cache-control', 'max-age=3600', 'etag', '"1"', 'vary', 'Origin']).end();
    expect(client.field('vary')).toBe('Origin, Accept-Encoding');
    expect(get('/a', BR).field('vary')).toBe('Origin, Accept-Encoding');
  });

  it('to something that is not to be transformed, the coded response is gone', async () => {
    const { get, fill, coded, origin, time, gate } = codingBench();
    fill('/a', body(1), ['etag', '"1"']);
    await coded('/a', 'br');
    time.advance(4_000_000);
    const client = get('/a', BR);
    origin.last.head(304, ['cache-control', 'max-age=3600, no-transform', 'etag', '"1"']).end();
    await turns();
    expect(client.field('content-encoding')).toBeUndefined();
    expect(get('/a', BR).text).toBe(body(1));
    expect((await gate.list({})).entries).toHaveLength(1);
  });

  it('while it is made: what was made is of no use', async () => {
    const { get, fill, gate, origin, jobs } = codingBench();
    fill('/a', body(1), ['etag', '"1"']);
    get('/a', BR);
    await turns();
    await gate.invalidate({ kind: 'url', uri: URI });
    get('/a');
    origin.last.head(304, [...TEXT, 'etag', '"1"']).end();
    await jobs[0]!.done('something outdated');
    expect(gate.stats().coding).toMatchObject({ made: 0, skipped: { replaced: 1 } });
    expect(get('/a', BR).text).toBe(body(1));
  });
});

describe('replaced within one instant, without an ETag and without an invalidation', () => {
  it('a coded response does not stand beside content that it was not made from', async () => {
    const { get, fill, coded, origin } = codingBench();
    fill('/a', body(1));
    await coded('/a', 'br');
    const reload = get('/a', ['cache-control', 'no-cache']);
    origin.last.answer(200, [...TEXT], body(2));
    expect(versionOf(reload.text)).toBe(2);
    const hit = get('/a', BR);
    expect([hit.text, hit.field('content-encoding')]).toEqual([body(2), undefined]);
  });

  it('and one that is being made is not stored', async () => {
    const { get, fill, jobs, origin } = codingBench();
    fill('/a', body(1));
    get('/a', BR);
    await turns();
    get('/a', ['cache-control', 'no-cache']);
    origin.last.answer(200, [...TEXT], `${body(2)}!`);
    await jobs[0]!.done();
    expect(versionOf(get('/a', BR).text)).toBe(2);
  });
});

test('any order of asking, changing, coding and validating: no answer is older than the last acknowledged change', async () => {
  const step = fc.constantFrom('get', 'get-plain', 'head', 'change', 'code', 'reload', 'expire', 'turn', 'evict');
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 40 }), fc.boolean(), async (steps, tagged) => {
      const { ask, gate, jobs, origin, memory, time } = codingBench();
      let version = 1;
      const answerAll = () => {
        for (const forwarded of origin.forwarded.splice(0)) {
          const etag = `"${version}"`;
          if (tagged && forwarded.field('if-none-match') === etag) forwarded.head(304, [...TEXT, 'etag', etag]).end();
          else forwarded.answer(200, [...TEXT, ...(tagged ? ['etag', etag] : [])], body(version));
        }
      };
      const answered = (fields: readonly string[], method = 'GET') => {
        const client = ask({ method, path: '/a', fields });
        answerAll();
        expect(client.status).toBe(200);
        if (method === 'GET') expect(versionOf(client.text)).toBe(version);
        const coding = client.field('content-encoding');
        if (method === 'GET')
          expect(client.text).toBe(coding === undefined ? body(version) : codedText('br', body(version)));
      };
      for (const one of steps) {
        if (one === 'get') answered(BR);
        if (one === 'get-plain') answered([]);
        if (one === 'head') answered(BR, 'HEAD');
        if (one === 'reload') answered([...BR, 'cache-control', 'no-cache']);
        if (one === 'change') {
          version++;
          await gate.invalidate({ kind: 'url', uri: URI });
        }
        if (one === 'code') await jobs[0]?.done();
        if (one === 'expire') time.advance(4_000_000);
        if (one === 'turn') await turns();
        if (one === 'evict') memory.delete(['- api GET http://example.org/a']);
      }
    }),
    { numRuns: 300 },
  );
});
