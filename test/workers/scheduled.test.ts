// What a cron trigger fills: lists, sitemaps and what is asked for most, in portions that go on where the last one stopped.

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { UsesHere, UsesOfSite } from '../../src/workers/popularity.ts';
import { runSchedule, type Schedule, type ScheduleParts } from '../../src/workers/scheduled.ts';
import { sitemapParts } from '../../src/workers/sitemap.ts';

const page = (urls: readonly string[]) =>
  `<?xml version="1.0"?><urlset xmlns="x">${urls.map((url) => `<url>\n<loc> ${url} </loc><lastmod>2026</lastmod></url>`).join('')}</urlset>`;
const index = (urls: readonly string[]) =>
  `<sitemapindex>${urls.map((url) => `<sitemap><loc>${url}</loc></sitemap>`).join('')}</sitemapindex>`;

class Bench {
  readonly filled: string[] = [];
  readonly faults: unknown[] = [];
  readonly places = new Map<string, string>();
  readonly documents = new Map<string, string>();
  maxFills = 4;
  most: readonly string[] = [];
  failing = new Set<string>();
  now = 1_000_000;
  /** Until when the last URL was to be fresh. */
  untilMs = 0;

  async run(schedule: Omit<Schedule, 'name' | 'cron'>) {
    const parts: ScheduleParts = {
      fill: async (url, freshUntilMs) => {
        this.untilMs = freshUntilMs;
        if (this.failing.has(url)) throw new Error(`no ${url}`);
        this.filled.push(url);
        return url.includes('elsewhere') ? undefined : { kind: 'stored' };
      },
      fetch: async (url) => new Response(this.documents.get(url), { status: this.documents.has(url) ? 200 : 404 }),
      mostUsed: async (count) => this.most.slice(0, count),
      place: {
        get: async (name) => this.places.get(name),
        set: async (name, text) => void this.places.set(name, text),
      },
      maxFills: this.maxFills,
      now: this.now,
      concurrency: 2,
      fault: (error) => void this.faults.push(error),
    };
    this.filled.length = 0;
    const { results, more } = await runSchedule({ name: 'it', cron: '* * * * *', ...schedule }, parts);
    return { filled: [...this.filled], results, more };
  }
}

const URLS = Array.from({ length: 10 }, (_, at) => `https://a.example/${at}`);

describe('a schedule', () => {
  test('goes through a list in portions, and begins anew after the last', async () => {
    const bench = new Bench();
    const runs = [];
    for (let times = 0; times < 4; times++) runs.push(await bench.run({ urls: URLS }));
    expect(runs.map(({ filled }) => filled)).toEqual([
      URLS.slice(0, 4),
      URLS.slice(4, 8),
      URLS.slice(8),
      URLS.slice(0, 4),
    ]);
    expect(runs.map(({ more }) => more)).toEqual([true, true, false, true]);
  });

  test('counts what fails and what no route takes, and goes on', async () => {
    const bench = new Bench();
    bench.failing.add('https://a.example/1');
    const { results } = await bench.run({ urls: ['https://elsewhere.example/', ...URLS.slice(0, 3)] });
    expect(results).toEqual({ fresh: 0, stored: 2, refused: 0, failed: 1, 'no-route': 1 });
    expect(bench.faults).toHaveLength(1);
  });

  test('fills what would expire before the next run, as far as the time between two is known', async () => {
    const bench = new Bench();
    const aheadMs: number[] = [];
    for (const afterMs of [0, 60_000, 90_000, 30 * 86_400_000, 60_000]) {
      bench.now += afterMs;
      await bench.run({ urls: URLS });
      aheadMs.push(bench.untilMs - bench.now);
    }
    expect(aheadMs).toEqual([0, 75_000, 105_000, 0, 75_000]);
  });

  test('fills what is asked for most', async () => {
    const bench = new Bench();
    bench.most = URLS;
    expect(await bench.run({ manifest: true })).toMatchObject({ filled: URLS.slice(0, 4), more: false });
  });

  test('rejects, and keeps its place, where a sitemap cannot be read', async () => {
    const bench = new Bench();
    bench.places.set('it', '0 3 1000');
    await expect(bench.run({ sitemap: 'https://a.example/none.xml' })).rejects.toThrow(
      'expected the sitemap https://a.example/none.xml, got 404',
    );
    expect(bench.places.get('it')).toBe('0 3 1000');
  });

  test('rejects what is no sitemap', async () => {
    const bench = new Bench();
    bench.documents.set('https://a.example/none.xml', '<html><body>An error of the application</body></html>');
    await expect(bench.run({ sitemap: 'https://a.example/none.xml' })).rejects.toThrow(
      'got no urlset and no sitemapindex',
    );
  });

  test('fills every URL of any sitemaps once a round, whatever fits into a run', async () => {
    const sizes = fc.array(fc.integer({ min: 0, max: 7 }), { minLength: 1, maxLength: 6 });
    await fc.assert(
      fc.asyncProperty(sizes, fc.integer({ min: 1, max: 9 }), fc.boolean(), async (counts, maxFills, isIndex) => {
        const bench = new Bench();
        bench.maxFills = maxFills;
        const pages = counts.map((count, at) =>
          Array.from({ length: count }, (_, url) => `https://a.example/${at}/${url}`),
        );
        const all = isIndex ? pages.flat() : (pages[0] as string[]);
        const places = pages.map((_, at) => `https://a.example/${at}.xml`);
        for (const [at, urls] of pages.entries()) bench.documents.set(places[at] as string, page(urls));
        bench.documents.set('https://a.example/index.xml', index(places));
        const filled: string[] = [];
        for (let runs = 0; runs < 100; runs++) {
          const run = await bench.run({ sitemap: isIndex ? 'https://a.example/index.xml' : (places[0] as string) });
          expect(run.filled.length).toBeLessThanOrEqual(maxFills);
          filled.push(...run.filled);
          if (!run.more) break;
        }
        expect(filled).toEqual(all);
      }),
      { numRuns: 200 },
    );
  });
});

test('a sitemap is read however its bytes are cut', async () => {
  const text = page([
    'https://a.example/?a=1&amp;b=2',
    '<![CDATA[https://a.example/?c=1&d=2]]>',
    'https://a.example/&#233;&#x1F600;',
    'https://a.example/é',
  ]);
  const bytes = new TextEncoder().encode(text);
  await fc.assert(
    fc.asyncProperty(fc.array(fc.integer({ min: 1, max: 60 }), { minLength: 1 }), async (cuts) => {
      async function* chunks() {
        let at = 0;
        for (let turn = 0; at < bytes.length; turn++) {
          const end = at + (cuts[turn % cuts.length] as number);
          yield bytes.subarray(at, end);
          at = end;
        }
      }
      const locations: string[] = [];
      for await (const part of sitemapParts(chunks())) locations.push(...part.locations);
      expect(locations).toEqual([
        'https://a.example/?a=1&b=2',
        'https://a.example/?c=1&d=2',
        'https://a.example/é😀',
        'https://a.example/é',
      ]);
    }),
    { numRuns: 100 },
  );
});

test('a sitemap that ends none of its addresses is read in linear time', async () => {
  async function* chunks() {
    for (let at = 0; at < 4; at++) yield new TextEncoder().encode(`<urlset>${'<loc>'.repeat(200_000)}`);
  }
  const began = performance.now();
  for await (const part of sitemapParts(chunks())) expect(part.locations).toEqual([]);
  expect(performance.now() - began).toBeLessThan(5_000);
});

describe('popularity', () => {
  test('an isolate tells what it counted once a minute, the most used', () => {
    const uses = new UsesHere();
    expect(uses.due(0)).toBeUndefined();
    for (const uri of ['a', 'b', 'a']) uses.note(uri);
    expect(uses.due(59_999)).toBeUndefined();
    expect(uses.due(60_000)).toEqual([
      ['a', 2],
      ['b', 1],
    ]);
    expect(uses.due(200_000)).toBeUndefined();
  });

  test('the object adds up, keeps a bound, and goes on after a restart with what it wrote down', () => {
    const written = new Map<string, string>();
    const storage = { get: () => written.get('uses'), set: (text: string) => void written.set('uses', text) };
    const shard = new UsesOfSite(storage);
    for (let call = 0; call < 20; call++)
      shard.add([
        ['often', 10],
        [`once-${call}`, 1],
        ['bad', Number.NaN],
      ]);
    expect(shard.most(1)).toEqual(['often']);
    expect(new UsesOfSite(storage).most(2)[0]).toBe('often');
    for (let call = 0; call < 2_000; call++) {
      shard.add([['often', 5] as const, ...Array.from({ length: 99 }, (_, at) => [`${call}-${at}`, 1] as const)]);
    }
    expect(shard.most(100_000).length).toBeLessThanOrEqual(10_100);
    expect(shard.most(1)).toEqual(['often']);
  });
});
