import { describe, expect, it } from 'vitest';
import type { Context } from '../../src/engine/context.ts';
import { outdatedShare } from '../../src/engine/prober/counts.ts';
import { type Outdated, Prober, type ProberSettings } from '../../src/engine/prober/prober.ts';
import { proveOne } from '../../src/engine/prober/prove.ts';
import { Sampler } from '../../src/engine/prober/sampler.ts';
import { requestOf, routeTo } from '../kit/clients.ts';
import { FRESH, gateBench } from '../kit/gate-bench.ts';
import { ProberWorld } from '../kit/prober-world.ts';
import { Dice } from '../sim/dice.ts';

const EACH: ProberSettings = { share: 1, ratePerSecond: 100, onOutdated: 'invalidate' };

/** A gate whose every hit is sampled. Its clock begins 10 s after the fill. */
function probed(settings: ProberSettings = EACH, fields: readonly string[] = FRESH) {
  const found: Outdated[] = [];
  let prober: Prober | undefined;
  let context: Context | undefined;
  const bench = gateBench(
    {},
    {
      hits: (given) => {
        context = given;
        const asked = (uri: string, own: readonly string[] = []) =>
          requestOf(routeTo(bench.origin), { path: new URL(uri).pathname, fields: own });
        const parts = {
          settings,
          requestOf: ({ uri, fields: own }: { uri: string; fields?: readonly string[] }) => asked(uri, own),
        };
        prober = new Prober(given, { ...parts, found: (one) => void found.push(one) });
        return prober;
      },
    },
  );
  bench.get('/a');
  bench.origin.last.answer(200, fields, 'old');
  bench.time.advance(10_000);
  const answer = async (text: string, given: readonly string[] = fields) => {
    await settled();
    bench.time.advance(20);
    bench.origin.last.answer(200, given, text);
    await settled();
  };
  /** One hit, and the texts with which the origin then answers. The last comes after the gate has waited. */
  const hit = async (...texts: readonly string[]) => {
    bench.get('/a');
    bench.time.advance(0);
    for (const [at, text] of texts.entries()) {
      if (at === 2) bench.time.advance(1_000);
      await answer(text);
    }
  };
  const made = { prober: prober as unknown as Prober, context: context as unknown as Context };
  return { ...bench, ...made, found, hit, answer };
}

async function settled(): Promise<void> {
  for (let turn = 0; turn < 30; turn++) await undefined;
}

describe('a sampled hit', () => {
  it('is the same where the origin gives what was served', async () => {
    const { prober, hit } = probed();
    await hit('old');
    expect(prober.counts().verdicts).toMatchObject({ same: 1, outdated: 0 });
    expect(outdatedShare(prober.counts())).toMatchObject({ rate: 0, samples: 1 });
  });

  it('is outdated where the origin had something else, and its URL is invalidated', async () => {
    const { prober, hit, found, get, origin } = probed();
    await hit('new', 'new', 'new');
    expect(prober.counts().verdicts.outdated).toBe(1);
    // The change came in the 10,020 ms from the fill to the answer, of which 10,000 lie before the hit.
    expect(prober.counts().weights).toMatchObject({ judged: 1, undecided: 0 });
    expect(prober.counts().weights.outdated).toBeCloseTo(10_000 / 10_020, 6);
    expect(found).toMatchObject([
      { url: 'http://example.org/a', invalidated: true, status: { served: 200, origin: 200 } },
    ]);
    expect((found[0] as Outdated).servedAtMs - (found[0] as Outdated).filledAtMs).toBe(10_000);
    const asked = origin.count;
    expect([get('/a').state, origin.count]).toEqual(['waiting', asked + 1]);
  });

  it('counts whole where the origin says that it changed before', async () => {
    const told = [...FRESH, 'date', 'Thu, 01 Jan 2026 00:00:10 GMT', 'last-modified', 'Thu, 01 Jan 2026 00:00:05 GMT'];
    const { prober, get, answer, time } = probed();
    get('/a');
    time.advance(0);
    await answer('new', told);
    await answer('new', told);
    time.advance(1_000);
    await answer('new', told);
    expect(prober.counts().weights.outdated).toBe(1);
  });

  it('is told apart from what others invalidate', async () => {
    const { hit, gate } = probed();
    await hit('new', 'new', 'new');
    const { prober, call } = (await gate.counts()).invalidations;
    expect([prober, call.count]).toEqual([{ count: 1, entries: 1 }, 0]);
  });

  it('is left out where 32 are judged, of a burst in one instant too, and while they are waited for', async () => {
    const { prober, get, time, origin } = probed();
    const before = origin.count;
    for (let hits = 0; hits < 40; hits++) get('/a');
    time.advance(0);
    await settled();
    expect([origin.count - before, prober.counts().verdicts.skipped]).toEqual([32, 8]);
  });

  it('makes room for the next once it is judged', async () => {
    const { prober, hit } = probed();
    for (let hits = 0; hits < 40; hits++) await hit('old');
    expect(prober.counts().verdicts).toMatchObject({ same: 40, skipped: 0 });
  });

  it('stays stored where outdated answers are only reported', async () => {
    const { hit, found, get } = probed({ ...EACH, onOutdated: 'report' });
    await hit('new', 'new', 'new');
    expect([found.length, get('/a').text]).toEqual([1, 'old']);
  });

  it.each([
    ['the second answer is another', ['new', 'newer']],
    ['the third is what was served', ['new', 'new', 'old']],
  ])('is unstable where %s, and nothing is invalidated', async (_, texts) => {
    const { prober, hit, get, found } = probed();
    await hit(...texts);
    expect(prober.counts().verdicts).toMatchObject({ unstable: 1, outdated: 0 });
    expect([found, get('/a').text]).toEqual([[], 'old']);
  });

  it('is left open where the gate is told of the change meanwhile', async () => {
    const { prober, gate, get, answer, time, found } = probed();
    get('/a');
    time.advance(0);
    await answer('new');
    await answer('new');
    await gate.invalidate({ kind: 'url', uri: 'http://example.org/a' });
    time.advance(1_000);
    await answer('new');
    expect(prober.counts().verdicts).toMatchObject({ undecided: 1, outdated: 0 });
    expect(found).toEqual([]);
    expect(outdatedShare(prober.counts())).toMatchObject({ rate: 0, interval: { low: 0, high: 1 } });
  });

  it('says nothing where the origin fails', async () => {
    const { prober, get, time, origin } = probed();
    get('/a');
    time.advance(0);
    await settled();
    origin.last.fail('E_ORIGIN_RESET');
    await settled();
    expect(prober.counts()).toMatchObject({ verdicts: { failed: 1 }, weights: { judged: 0 } });
  });

  it('is asked about after its client was answered', () => {
    const { get, origin, time } = probed();
    const before = origin.count;
    const client = get('/a');
    expect([client.text, origin.count]).toEqual(['old', before]);
    time.advance(0);
    expect(origin.count).toBe(before + 1);
  });
});

describe('what is asked', () => {
  it('has no credential of a client: such hits are left out', async () => {
    const { prober, get, origin, time } = probed(EACH, ['cache-control', 'public, max-age=3600']);
    const before = origin.count;
    expect(get('/a', ['cookie', 'session=1']).outcome?.hit).toBe(true);
    expect(get('/a', ['authorization', 'Bearer 1']).outcome?.hit).toBe(true);
    time.advance(0);
    await settled();
    expect([prober.counts().verdicts.ineligible, origin.count]).toEqual([2, before]);
  });

  it('has the selecting fields of the variant, and nothing else of the client', async () => {
    const { get, origin, time } = probed();
    get('/b', ['accept-language', 'de']);
    origin.last.answer(200, [...FRESH, 'vary', 'accept-language'], 'gut');
    get('/b', ['accept-language', 'de', 'user-agent', 'one', 'x-own', 'two']);
    time.advance(0);
    await settled();
    expect(origin.last.request.fields.filter((_, at) => at % 2 === 0)).toEqual(['host', 'accept-language']);
    expect(origin.last.field('accept-language')).toBe('de');
  });
});

describe('the sampler', () => {
  it('takes a share of the hits, each with the same chance, and counts all', () => {
    const dice = new Dice(1);
    const sampler = new Sampler({ share: 0.1, ratePerSecond: 1_000 }, () => dice.next());
    let chosen = 0;
    for (let hit = 0; hit < 100_000; hit++) if (sampler.next() > 0) chosen++;
    expect(sampler.hits).toBe(100_000);
    // 10,000 on the average; the standard deviation is 95.
    expect(Math.abs(chosen - 10_000)).toBeLessThan(400);
  });

  it('stands for all hits whatever the load, and never asks beyond its rate', () => {
    const dice = new Dice(2);
    const sampler = new Sampler({ share: 0.5, ratePerSecond: 2 }, () => dice.next());
    let [weight, asks, hits] = [0, 0, 0];
    const seconds = 4_000;
    for (let second = 0; second < seconds; second++) {
      const load = Math.floor(second / 100) % 2 === 0 ? 5 : 500;
      for (let hit = 0; hit < load; hit++, hits++) {
        const stands = sampler.next();
        weight += stands;
        if (stands > 0 && sampler.take()) asks++;
      }
      sampler.secondOver();
    }
    expect(Math.abs(weight / hits - 1)).toBeLessThan(0.05);
    expect(asks).toBeLessThanOrEqual(2 * seconds + 20);
    expect(asks).toBeGreaterThan(seconds);
  });

  it('draws anew when the load falls, so that a quiet hour is sampled too', () => {
    const dice = new Dice(3);
    const sampler = new Sampler({ share: 1, ratePerSecond: 1 }, () => dice.next());
    for (let hit = 0; hit < 100_000; hit++) sampler.next();
    sampler.secondOver();
    for (let second = 0; second < 60; second++) sampler.secondOver();
    let chosen = 0;
    for (let hit = 0; hit < 10; hit++) if (sampler.next() > 0) chosen++;
    expect(chosen).toBe(10);
  });
});

describe('in a world that knows the truth', () => {
  const settings = { share: 0.1, ratePerSecond: 5, onOutdated: 'report' } as const;
  const world = { settings, seconds: 300, rates: [20, 20], changeSeconds: 60, freshSeconds: 20 } as const;

  it('the estimate has no bias: over seeds it is as often above the truth as below', async () => {
    const errors: number[] = [];
    for (let seed = 1; seed <= 8; seed++) {
      const { prober, truth } = await new ProberWorld(seed, { ...world, origin: 'silent' }).run();
      const { rate, interval } = outdatedShare(prober.counts());
      errors.push((rate as number) - truth);
      expect(interval.low).toBeGreaterThan(0);
    }
    const mean = errors.reduce((sum, one) => sum + one, 0) / errors.length;
    const deviation = Math.sqrt(errors.reduce((sum, one) => sum + (one - mean) ** 2, 0) / (errors.length - 1));
    expect(Math.abs(mean)).toBeLessThan((3 * deviation) / Math.sqrt(errors.length));
  });

  it('an origin that tells, or that varies, is not called outdated', async () => {
    for (const origin of ['telling', 'random'] as const) {
      const { prober, hits } = await new ProberWorld(1, { ...world, origin }).run();
      const { verdicts } = prober.counts();
      expect(hits).toBeGreaterThan(1_000);
      expect([verdicts.outdated, verdicts[origin === 'random' ? 'unstable' : 'same'] > 50]).toEqual([0, true]);
    }
  });
});

describe('a proof', () => {
  const prove = (at: ReturnType<typeof probed>) => proveOne(at.context, requestOf(routeTo(at.origin), { path: '/a' }));

  it.each([
    ['same', ['old']],
    ['outdated', ['new', 'new']],
    ['unstable', ['new', 'newer']],
    ['unstable', ['new', 'old']],
  ])('says %s of %j', async (verdict, texts) => {
    const at = probed();
    const proof = prove(at);
    for (const text of texts) await at.answer(text);
    expect(await proof).toMatchObject({ verdict, stored: { status: 200, bodyBytes: 3, ageMs: 10_000 } });
    expect((await proof).origin.length).toBe(texts.length);
  });

  it('names the first byte that differs', async () => {
    const at = probed();
    const proof = prove(at);
    for (const text of ['olive', 'olive']) await at.answer(text);
    expect((await proof).differsAt).toBe(2);
  });

  it('is none where the entry was invalidated while the origin was asked', async () => {
    const at = probed();
    const proof = prove(at);
    await at.answer('new');
    await at.gate.invalidate({ kind: 'all' });
    await at.answer('new');
    expect((await proof).verdict).toBe('undecided');
  });

  it('asks nobody where nothing that is stored is served', async () => {
    const at = probed();
    await at.gate.purge({ kind: 'all' });
    const asked = at.origin.count;
    expect([(await prove(at)).verdict, at.origin.count]).toEqual(['fresh', asked]);
  });
});
