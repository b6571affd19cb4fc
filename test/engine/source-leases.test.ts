// What was read from a source is served while a tracker tells of the source's changes, and no longer.

import { describe, expect, it } from 'vitest';
import { SourceLeases, type SourceReport } from '../../src/engine/source-leases.ts';
import { FRESH, gateBench } from '../kit/gate-bench.ts';
import { SimulatedTime } from '../kit/simulated-time.ts';

const TAGGED = [...FRESH, 'cache-tag', 'q1, tg-source:shop'];

function bench(parts: Parameters<typeof gateBench>[1] = {}) {
  const gateParts = gateBench({}, parts);
  const { gate, get, origin } = gateParts;
  let sequence = 0;
  let token: string | undefined;
  const report = async (change: Partial<SourceReport> = {}) => {
    const { session = 's1', tags = [], leaseMs = 2000, ...rest } = change;
    const own = { source: 'shop', session, sequence: ++sequence, leaseMs, tags, ...(token !== undefined && { token }) };
    const reply = await gate.reportSource({ ...own, ...rest });
    token = reply.token;
    return reply;
  };
  const fill = (path: string, text: string, fields: readonly string[] = TAGGED) => {
    const asked = get(path);
    if (asked.state === 'waiting') origin.last.answer(200, fields, text);
    return asked;
  };
  /** As a tracker begins: its first report is a gap, its second has a token. */
  const begin = async () => {
    await report();
    await report();
  };
  return { ...gateParts, report, fill, begin };
}

describe('what carries the tag of a source', () => {
  it('is not stored before its tracker was heard', () => {
    const { fill, get, gate } = bench();
    fill('/a', 'one');
    expect(get('/a').state).toBe('waiting');
    expect(gate.stats().refusedStores).toEqual({ 'source-not-live': 1 });
  });

  it('is served while the lease lives, and neither served nor stored after', async () => {
    const { fill, get, time, begin, gate } = bench();
    await begin();
    fill('/a', 'one');
    time.advance(1999);
    expect(get('/a').text).toBe('one');
    time.advance(1);
    fill('/a', 'two');
    expect(get('/a').state).toBe('waiting');
    const counts = { reports: 2, gaps: 1, expirations: 1 };
    expect(gate.sources()).toEqual([{ source: 'shop', live: false, leftMs: 0, heardMs: 2000, ...counts }]);
  });

  it('is explained by its source once the lease has ended', async () => {
    const { fill, time, begin, gate, report, route } = bench();
    const asked = { route, method: 'GET', uri: 'http://example.org/a', fields: [], bypass: false };
    await begin();
    fill('/a', 'one');
    expect(await gate.explain(asked)).toMatchObject({ verdict: 'serve' });
    time.advance(2000);
    expect(await gate.explain(asked)).toMatchObject({
      verdict: 'validate',
      reason: 'The source shop is not heard of: nothing of it is served.',
      section: 'docs/exact-invalidation.md, when something fails',
    });
    await report();
    await report();
    expect((await gate.explain(asked)).reason).toMatch(/^It was invalidated after it was filled/);
  });

  it('is invalidated by the tags that a report names, and nothing else is', async () => {
    const { fill, get, report, begin } = bench();
    await begin();
    fill('/a', 'one');
    fill('/b', 'one', [...FRESH, 'cache-tag', 'q2, tg-source:shop']);
    expect((await report({ tags: ['q1'] })).gap).toBe(false);
    expect(get('/a').state).toBe('waiting');
    expect(get('/b').text).toBe('one');
  });

  it('is outdated after a lease that ran out, though there is another', async () => {
    const { fill, get, time, report, begin } = bench();
    await begin();
    fill('/a', 'one');
    time.advance(2000);
    expect((await report()).gap).toBe(true);
    await report();
    expect(get('/a').state).toBe('waiting');
  });

  it.each([
    ['a report is missing', { sequence: 9 }, { sequence: 10 }],
    ['the tracker began anew', { session: 's2', sequence: 1 }, { session: 's2', sequence: 2 }],
  ])('is outdated when %s', async (_why, change, next) => {
    const { fill, get, report, begin } = bench();
    await begin();
    fill('/a', 'one');
    expect((await report(change)).gap).toBe(true);
    await report(next);
    expect(get('/a').state).toBe('waiting');
    fill('/a', 'two');
    expect(get('/a').text).toBe('two');
  });

  it('is told of by one tracker: of two, each hears of the other, and they are counted', async () => {
    const { report, gate } = bench();
    const next = { s1: 0, s2: 0 };
    const rivals: unknown[] = [];
    for (const session of ['s1', 's2', 's1', 's2', 's1', 's2'] as const) {
      rivals.push((await report({ session, sequence: ++next[session] })).rival);
    }
    expect(rivals).toEqual([undefined, undefined, undefined, undefined, true, true]);
    expect(gate.sources()[0]?.rivals).toBe(4);
  });

  it('has no rival where a tracker begins anew, and a message of before comes late', async () => {
    const { report, gate } = bench();
    const sessions = [
      ['s1', 1],
      ['s2', 1],
      ['s1', 2],
      ['s2', 2],
      ['s3', 1],
    ] as const;
    for (const [session, sequence] of sessions) {
      expect((await report({ session, sequence })).rival).toBeUndefined();
    }
    for (let life = 4; life < 40; life++) await report({ session: `s${life}`, sequence: 1 });
    expect(gate.sources()[0]?.rivals).toBe(2);
  });

  it('is kept when a report comes twice', async () => {
    const { fill, get, report, begin } = bench();
    await begin();
    fill('/a', 'one');
    expect((await report({ sequence: 2 })).gap).toBe(false);
    expect(get('/a').text).toBe('one');
  });

  it('has a lease from the moment at which the token was given, however late the report is', async () => {
    const { fill, get, time, gate, begin, report } = bench();
    await begin();
    const { token } = await report();
    fill('/a', 'one');
    time.advance(1500);
    await gate.reportSource({ source: 'shop', session: 's1', sequence: 4, leaseMs: 2000, tags: [], token });
    time.advance(499);
    expect(get('/a').text).toBe('one');
    time.advance(1);
    expect(get('/a').state).toBe('waiting');
  });

  it('is not stored where its fill began before the lease ran out and there was another', async () => {
    const { get, origin, time, report, begin } = bench();
    await begin();
    get('/a');
    const fill = origin.last;
    time.advance(2000);
    await report();
    await report();
    fill.answer(200, TAGGED, 'old');
    expect(get('/a').state).toBe('waiting');
  });

  it('is not shared with those that come once nobody is heard, nor once somebody is again', async () => {
    const { get, origin, time, report, begin } = bench();
    await begin();
    get('/a');
    const fill = origin.last;
    time.advance(2000);
    const inTheDark = get('/a');
    fill.answer(200, TAGGED, 'old');
    expect(inTheDark.state).toBe('waiting');
    origin.last.answer(200, TAGGED, 'new');
    expect(inTheDark.text).toBe('new');

    get('/b');
    const other = origin.last;
    const early = get('/b');
    await report();
    await report();
    other.answer(200, TAGGED, 'old');
    expect(early.state).toBe('waiting');
  });

  it('does not hold up what carries no source, or another', async () => {
    const { fill, get, time, begin, gate } = bench();
    await begin();
    const other = { source: 'blog', session: 'b', leaseMs: 60_000, tags: [] };
    const { token } = await gate.reportSource({ ...other, sequence: 1 });
    await gate.reportSource({ ...other, sequence: 2, token });
    fill('/plain', 'one', FRESH);
    fill('/blog', 'one', [...FRESH, 'cache-tag', 'tg-source:blog']);
    time.advance(3000);
    expect(get('/plain').text).toBe('one');
    expect(get('/blog').text).toBe('one');
  });
});

describe('a report whose invalidation is not made sure', () => {
  /** Sources over an invalidation that ends when told. */
  function slow() {
    const time = new SimulatedTime();
    const asked: { readonly tag: string; readonly end: PromiseWithResolvers<void> }[] = [];
    const sources = new SourceLeases({
      clock: time,
      invalidate: (selectors) =>
        Promise.all(
          selectors.map((selector) => {
            const end = Promise.withResolvers<void>();
            asked.push({ tag: (selector as { tag: string }).tag, end });
            return end.promise;
          }),
        ),
    });
    const report = (sequence: number, token?: string, tags: readonly string[] = []) =>
      sources.report({
        source: 'db',
        session: 's',
        sequence,
        leaseMs: 1000,
        tags,
        ...(token !== undefined && { token }),
      });
    const state = () => sources.states()[0];
    return { time, asked, sources, report, state };
  }

  it('that was for a gap leaves the gap', async () => {
    const { asked, report, state } = slow();
    const first = report(1);
    asked[0]?.end.reject(new Error('full'));
    await expect(first).rejects.toThrow('full');
    const again = report(1);
    expect(asked[1]?.tag).toBe('tg-source:db');
    asked[1]?.end.resolve();
    expect((await again).gap).toBe(true);
    expect(state()?.gaps).toBe(1);
  });

  it('keeps another that comes meanwhile from passing', async () => {
    const { asked, report } = slow();
    void report(1);
    const again = report(1);
    expect(asked.map(({ tag }) => tag)).toEqual(['tg-source:db', 'tg-source:db']);
    asked[1]?.end.resolve();
    expect((await again).gap).toBe(true);
  });

  it('does not count, so that the next one is a gap', async () => {
    const { asked, report } = slow();
    const first = report(1);
    asked[0]?.end.resolve();
    const { token } = await first;
    const second = report(2, token, ['q']);
    asked[1]?.end.reject(new Error('full'));
    await expect(second).rejects.toThrow('full');
    void report(3, token);
    expect(asked[2]?.tag).toBe('tg-source:db');
  });

  it('outlasts the lease, and what was read until then goes too', async () => {
    const { asked, report, time } = slow();
    const first = report(1);
    asked[0]?.end.resolve();
    const { token } = await first;
    const second = report(2, token);
    const { token: next } = await second;
    const third = report(3, next, ['q']);
    time.advance(1000);
    asked[1]?.end.resolve();
    await settle();
    expect(asked.map(({ tag }) => tag)).toEqual(['tg-source:db', 'q', 'tg-source:db']);
    asked[2]?.end.resolve();
    expect((await third).gap).toBe(true);
  });
});

async function settle(): Promise<void> {
  for (let turn = 0; turn < 20; turn++) await Promise.resolve();
}
