// The prober of a running gate over real sockets: it finds what its origin has changed without telling.

import { expect, test, vi } from 'vitest';
import { PROVE } from '../../src/node/operator/cli/prove-command.ts';
import { runCommand } from '../kit/run-command.ts';
import { fresh, startOne, startSite } from './populate-kit.ts';

test('an outdated answer is found, told and invalidated; prove proves it before', { timeout: 60_000 }, async () => {
  const site = await startSite();
  const gate = await startOne(site, { prober: { share: 1, ratePerSecond: 100 } });
  const get = async (path: string) => (await fetch(gate.url + path)).text();
  const state = async () => (await fetch(`${gate.adminUrl}/prober`)).json();
  const verdicts = async () => ((await state()) as { verdicts: Record<string, number> }).verdicts;
  const prove = (url: string) => runCommand([PROVE], ['prove', url, '--admin', gate.adminUrl]);
  const url = `${gate.url}/prices`;

  expect((await prove(url)).out).toMatch(/^verdict {2}fresh: /);
  expect(await get('/prices')).toBe('one');
  const isSame = async () => {
    expect(await get('/prices')).toBe('one');
    expect((await verdicts()).same).toBeGreaterThan(0);
  };
  await vi.waitFor(isSame, { timeout: 20_000 });
  expect(await prove(url)).toMatchObject({ code: 0, out: expect.stringContaining('same: ') });

  site.answer = fresh('two');
  const proof = await prove(url);
  expect(proof.code).toBe(1);
  expect(proof.out).toMatch(/^verdict {2}outdated: /);
  expect(proof.out).toContain('from byte 0 on');

  expect(await get('/prices')).toBe('one');
  await vi.waitFor(async () => expect(await verdicts()).toMatchObject({ outdated: 1 }), { timeout: 20_000 });
  expect(await state()).toMatchObject({ rate: expect.any(Number), examples: [{ url, invalidated: true }] });
  await vi.waitFor(async () => expect(await get('/prices')).toBe('two'), { timeout: 20_000 });
  const metrics = await (await fetch(`${gate.adminUrl}/metrics`)).text();
  expect(metrics).toContain('tidegate_probed_hits_total{verdict="outdated"} 1');
  expect(metrics).toMatch(/tidegate_outdated_share\{bound="estimate"\} 0\.\d+/);
});

test('without a share nothing is asked that no client asks, and prove works all the same', async () => {
  const site = await startSite();
  const gate = await startOne(site);
  const url = `${gate.url}/prices`;
  await (await fetch(url)).text();
  const isHit = async () => expect((await fetch(url)).headers.get('cache-status')).toMatch(/^tidegate; hit/);
  await vi.waitFor(isHit, { timeout: 20_000 });
  expect(await (await fetch(`${gate.adminUrl}/prober`)).json()).toMatchObject({
    settings: { share: 0 },
    interval: { low: 0, high: 1 },
    hits: 0,
    asks: 0,
  });
  expect(site.asked).toEqual(['/prices']);
  expect(await runCommand([PROVE], ['prove', url, '--admin', gate.adminUrl])).toMatchObject({ code: 0 });
  expect((await runCommand([PROVE], ['prove', 'http://no-route.example/', '--admin', gate.adminUrl])).err).toContain(
    'expected a URL that a route takes',
  );
});
