// The dashboard of a gate on Workers: `tidegate dashboard` on this machine, over the admin API of two isolates in workerd.

import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Miniflare, Response } from 'miniflare';
import type { Browser, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, expect, onTestFinished, test } from 'vitest';
import type { RunningAdmin } from '../../src/node/operator/admin-server.ts';
import { startDashboard } from '../../src/node/operator/cli/dashboard-command.ts';
import { bundleOf } from '../workers/platform/bundle.ts';
import { LAUNCH_MS, launch, NO_BROWSER } from './browser.ts';
import { findings, openPage } from './looking.ts';

const SHOTS = join(import.meta.dirname, 'screenshots');
const APP = fileURLToPath(new URL('../workers/gate-app.ts', import.meta.url));

let browser: Browser | undefined;
let workers: Miniflare;
let site: string;
let dashboard: RunningAdmin | undefined;
let version = 1;

beforeAll(async () => {
  mkdirSync(SHOTS, { recursive: true });
  browser = await launch();
  if (browser === undefined) return;
  const script = await bundleOf({ entry: APP, format: 'esm' });
  workers = new Miniflare({
    ...{ modules: true, script, compatibilityDate: '2026-06-01' },
    serviceBindings: { TRUTH: () => new Response(`version ${version}`) },
    bindings: { MODE: 'lease', TOKEN: 'secret' },
    durableObjects: { TIDEGATE_LOG: { className: 'TidegateLog', useSQLite: true } },
  });
  site = (await workers.ready).origin;
  dashboard = await startDashboard({ admin: `${site}/_tidegate`, token: 'secret', port: 0 });
}, LAUNCH_MS);

beforeEach((context) => context.skip(browser === undefined, NO_BROWSER));

afterAll(async () => {
  await browser?.close();
  await dashboard?.close();
  await workers?.dispose();
});

const wrong: string[] = [];
afterEach(() => expect(wrong.splice(0)).toEqual([]));

async function open(look: Partial<Parameters<typeof openPage>[2]> = {}): Promise<Page> {
  const page = await openPage(browser as Browser, wrong, { ...look, url: (dashboard as RunningAdmin).url });
  await page.getByRole('heading', { name: 'Overview' }).waitFor();
  return page;
}

async function ask(path: string): Promise<string> {
  return (await fetch(site + path)).text();
}

test('a wrong address or token is told before a browser comes', async () => {
  const wrongly = (admin: string, token: string) => startDashboard({ admin, token, port: 0 });
  await expect(wrongly(`${site}/_tidegate`, 'guessed')).rejects.toThrow('got a wrong one (401)');
  await expect(wrongly(site, 'secret')).rejects.toThrow("expected JSON from a gate's admin API");
});

test('it has the panels that a Worker can fill, and plots of its own', async () => {
  const page = await open();
  expect(await page.getByRole('navigation').getByRole('link').allInnerTexts()).toEqual([
    'Overview',
    'Entries',
    'Invalidations',
  ]);
  await page.getByText('Figures are those of the isolate').waitFor();
  const loading = setInterval(() => void ask('/plotted').catch(() => undefined), 50);
  try {
    const plot = page.getByRole('img', { name: /^Requests in a second/ });
    await plot.waitFor({ timeout: 30_000 });
    await expect.poll(() => plot.getAttribute('aria-label'), { timeout: 30_000 }).toMatch(/all [1-9]\d*\.\d\/s/);
  } finally {
    clearInterval(loading);
  }
  await page.screenshot({ path: join(SHOTS, 'worker-overview.png'), fullPage: true });
  expect(await findings(page)).toEqual([]);
});

test('entries are found and explained, and an invalidation after its preview is in force', async () => {
  const before = await ask('/found');
  version++;
  expect(await ask('/found')).toBe(before);
  const page = await open({ width: 375, theme: 'dark' });
  await page.getByRole('link', { name: 'Entries' }).click();
  await page.getByLabel('What to find').fill(`${site}/found`);
  const stored = page.getByRole('region', { name: 'Stored responses' });
  await stored.getByRole('link', { name: '/found' }).click();
  await page.getByText('The stored response is fresh.').waitFor();
  expect(await page.getByRole('button', { name: 'Prove' }).count()).toBe(0);
  expect(await findings(page)).toEqual([]);

  await page.getByRole('link', { name: 'Invalidations' }).click();
  await page.locator('main select').selectOption('url');
  await page.getByLabel('The url').fill(`${site}/found`);
  await page.getByRole('button', { name: 'Preview' }).click();
  await page.locator('.preview').getByText('1 stored response is named').waitFor();
  expect(await ask('/found')).toBe(before);
  await page.getByRole('button', { name: 'Invalidate', exact: true }).click();
  await page.getByRole('status').filter({ hasText: 'Outdated' }).waitFor();
  expect(await ask('/found')).toBe(`version ${version}`);
  expect(await findings(page)).toEqual([]);
});

test('a token that ends is asked for again, and another one is taken', async () => {
  const guarded = await startDashboard({ admin: `${site}/_tidegate`, token: 'secret', port: 0 });
  onTestFinished(() => guarded.close());
  const page = await openPage(browser as Browser, wrong, { url: guarded.url });
  await page.getByRole('heading', { name: 'Overview' }).waitFor();
  await page.route('**/v1/stats', (route) => route.fulfill({ status: 401, body: '{}' }), { times: 1 });
  await page.getByLabel('Token of the admin API').fill('secret', { timeout: 10_000 });
  await page.getByRole('button', { name: 'Log in' }).click();
  await page.getByRole('heading', { name: 'Overview' }).waitFor();
  expect(wrong.splice(0)).toEqual([expect.stringContaining('401')]);
});
