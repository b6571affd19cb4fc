// The imitation of the Workers Cache keeps what the platform documents of tags and purges.

import { describe, expect, it } from 'vitest';
import { imitationBench } from './imitation-bench.ts';
import { live } from './platform/living.ts';
import type { EntrypointContext } from './platform/workers-cache.ts';

const held = imitationBench();

describe('tags', () => {
  const purged = async (tag: string) => {
    const stored = held.bench.deployed();
    await held.bench.ask(stored);
    await live(held.bench.time, stored.at('ams').cache.purge({ tags: [tag] }));
    await held.bench.pass(1_000);
    return (await held.bench.textOf(stored)) === '2';
  };

  it('are compared without regard to case', async () => {
    held.bench.headers['cache-tag'] = 'Users,orders';
    expect(await purged('USERS')).toBe(true);
  });

  it.each([
    ['not ASCII', 'füsse'],
    ['too long', 'x'.repeat(1_025)],
  ])('one that is %s is dropped in silence, and the response is kept without it', async (_, tag) => {
    held.bench.headers['cache-tag'] = `${tag},users`;
    expect(await purged(tag)).toBe(false);
    expect(await purged('users')).toBe(true);
  });

  it('those beyond a thousand are dropped', async () => {
    held.bench.headers['cache-tag'] = Array.from({ length: 1_001 }, (_, at) => `t${at}`).join(',');
    expect([await purged('t1000'), await purged('t999')]).toEqual([false, true]);
  });

  it('are not shown to callers', async () => {
    held.bench.headers['cache-tag'] = 'users';
    expect((await held.bench.ask(held.bench.deployed())).headers.get('cache-tag')).toBeNull();
  });
});

describe('a purge', () => {
  it('is of the entrypoint that calls, by tags, by prefixes of paths, or of everything', async () => {
    held.bench.headers['cache-tag'] = 'users';
    const [stored, other] = [held.bench.deployed(), held.bench.deployed({ name: 'Other' })];
    const { purge } = stored.at('ams').cache;
    for (const what of [{ tags: ['users'] }, { pathPrefixes: ['/x?b'] }, { purgeEverything: true }]) {
      const before = [await held.bench.textOf(stored), await held.bench.textOf(other)];
      expect(await live(held.bench.time, purge(what))).toEqual({ success: true, errors: [] });
      await held.bench.pass(1_000);
      const after = [await held.bench.textOf(stored), await held.bench.textOf(other)];
      expect([after[0] === before[0], after[1] === before[1]]).toEqual([false, true]);
    }
  });

  it('can be called within the entrypoint', async () => {
    const run = async (_: Request, context: EntrypointContext) => {
      const { success } = await context.cache.purge({ tags: ['users'] });
      return new Response(String(success));
    };
    expect(await held.bench.textOf(held.bench.deployed({ run }))).toBe('true');
  });

  it('reaches the other data centres and the upper layer later', async () => {
    held.bench.headers['cache-tag'] = 'users';
    const stored = held.bench.deployed();
    await held.bench.ask(stored);
    await held.bench.pass(100);
    await held.bench.ask(stored, { at: 'sin' });
    await live(held.bench.time, stored.at('ams').cache.purge({ tags: ['users'] }));
    await held.bench.pass(10);
    // Gone here, but the upper layer has it still, and gives it back.
    expect([await held.bench.textOf(stored), await held.bench.textOf(stored, { at: 'sin' })]).toEqual(['1', '1']);
    await held.bench.pass(200);
    expect([await held.bench.textOf(stored, { at: 'sin' }), await held.bench.textOf(stored)]).toEqual(['2', '1']);
  });

  it('leaves an answer that is being made: it is stored afterwards', async () => {
    held.bench.headers['cache-tag'] = 'users';
    const { run, say, end } = held.bench.slowRun();
    const stored = held.bench.deployed({ run });
    const answer = await live(held.bench.time, stored.at('ams').fetch(new Request('https://a/x')));
    await live(held.bench.time, stored.at('ams').cache.purge({ tags: ['users'] }));
    await held.bench.pass(1_000);
    say('old');
    end();
    expect(await answer.text()).toBe('old');
    expect([await held.bench.textOf(stored, { url: 'https://a/x' }), held.bench.runs]).toEqual(['old', 1]);
  });

  it('is refused beyond 25 at once and five a minute, for all callers together', async () => {
    const [stored, other] = [held.bench.deployed(), held.bench.deployed({ name: 'Other' })];
    const called = async (times: number) => {
      const results = [];
      for (let call = 0; call < times; call++) {
        const { cache: controls } = (call % 2 === 0 ? stored : other).at('ams');
        results.push((await live(held.bench.time, controls.purge({ tags: ['t'] }))).success);
      }
      return results.filter((success) => success).length;
    };
    expect(await called(40)).toBe(25);
    held.bench.time.advance('1m');
    expect(await called(10)).toBe(5);
    held.bench.time.advance('1h');
    expect(await called(40)).toBe(25);
    expect(held.bench.cache.counts.refused).toBe(15 + 5 + 15);
  });

  it('is refused with more than 100 names, or none', async () => {
    const { purge } = held.bench.deployed().at('ams').cache;
    const tags = Array.from({ length: 100 }, (_, at) => `t${at}`);
    const results = [{ tags }, { tags, purgeEverything: true }, {}].map((what) => live(held.bench.time, purge(what)));
    expect((await Promise.all(results)).map(({ success }) => success)).toEqual([true, false, false]);
  });

  it('as invalidate marks what is kept: it is validated by its ETag', async () => {
    const asked: (string | null)[] = [];
    const run = (request: Request) => {
      asked.push(request.headers.get('if-none-match'));
      return new Response('one', { headers: { ...held.bench.headers, 'cache-tag': 'users', etag: '"1"' } });
    };
    const stored = held.bench.deployed({ run });
    await held.bench.ask(stored);
    await live(held.bench.time, stored.at('ams').cache.invalidate({ tags: ['users'] }));
    await held.bench.pass(1_000);
    await held.bench.ask(stored);
    expect(asked).toEqual([null, '"1"']);
  });
});
