// The dashboard in a real Chromium, over real gates: one with a token, tenants and load, one without a token whose origin is tracked.
// Pictures of each panel go to test/browser/screenshots.

import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pino from 'pino';
import type { Browser, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, onTestFinished, test } from 'vitest';
import { startDemoOrigin } from '../../examples/demo/demo.ts';
import { resolveConfig } from '../../src/node/config/config.ts';
import { startGate } from '../../src/node/serve.ts';
import { LAUNCH_MS, launch, NO_BROWSER } from './browser.ts';
import { findings, type Look, openPage } from './looking.ts';
import { admin, ask, type Site, startSite, TOKEN } from './site.ts';

const SHOTS = join(import.meta.dirname, 'screenshots');
const PANELS = ['overview', 'traffic', 'entries', 'invalidations', 'populate', 'feeds', 'tenants'] as const;

let browser: Browser | undefined;
let site: Site;
const folder = mkdtempSync(join(tmpdir(), 'tidegate-browser-'));
let loading: ReturnType<typeof setInterval>;

beforeAll(async () => {
  mkdirSync(SHOTS, { recursive: true });
  [browser, site] = await Promise.all([launch(), startSite(folder)]);
  await admin(site, '/tenants', {
    name: 'acme',
    hosts: ['acme.example'],
    origins: { api: { url: 'http://127.0.0.1:9' } },
  });
  let at = 0;
  loading = setInterval(() => void ask(site, `/users/${at++ % 30}`), 25);
}, LAUNCH_MS);

beforeEach((context) => context.skip(browser === undefined, NO_BROWSER));

afterAll(async () => {
  clearInterval(loading);
  await browser?.close();
  await site?.close();
  rmSync(folder, { recursive: true, force: true });
});

/** What a page must not do, as it comes. */
const wrong: string[] = [];
afterEach(() => expect(wrong.splice(0)).toEqual([]));

function open({ url = site.gate.adminUrl, ...look }: Look & { readonly url?: string } = {}): Promise<Page> {
  return openPage(browser as Browser, wrong, { ...look, url });
}

async function login(page: Page): Promise<void> {
  await page.getByLabel('Token of the admin API').fill(TOKEN);
  await page.getByRole('button', { name: 'Log in' }).click();
  await page.getByRole('heading', { name: 'Overview' }).waitFor();
}

async function inside(look?: Parameters<typeof open>[0]): Promise<Page> {
  const page = await open(look);
  await login(page);
  return page;
}

async function show(page: Page, panel: string): Promise<void> {
  await page.goto(`${site.gate.adminUrl}/dashboard/#/${panel}`);
  await page.locator('main h1').waitFor();
}

describe('a login', () => {
  test('is refused for a wrong token and done for the right one, and the token stays in no place of the browser', async () => {
    const page = await open();
    await page.getByLabel('Token of the admin API').fill('wrong-token-of-somebody');
    await page.getByRole('button', { name: 'Log in' }).click();
    await page.getByRole('alert').filter({ hasText: 'expected Authorization' }).waitFor();
    // The browser itself tells of the 401.
    expect(wrong.splice(0)).toEqual([expect.stringContaining('401')]);
    expect(await findings(page)).toEqual([]);
    await page.screenshot({ path: join(SHOTS, 'login.png') });
    await login(page);
    const [cookie] = await page.context().cookies();
    expect(cookie).toMatchObject({ httpOnly: true, sameSite: 'Strict', path: '/' });
    const kept = `${cookie?.value} ${await page.evaluate('JSON.stringify([localStorage, sessionStorage, document.cookie])')}`;
    expect(kept).not.toContain(TOKEN);
    await page.getByRole('button', { name: 'Log out' }).click();
    await page.getByLabel('Token of the admin API').waitFor();
    expect((await page.request.get(`${site.gate.adminUrl}/stats`)).status()).toBe(401);
  });

  test('is no right for pages of other origins', async () => {
    const page = await inside();
    const html = `<script>
      const send = (method) => fetch('${site.gate.adminUrl}/clear', { method, mode: 'no-cors', credentials: 'include' });
      Promise.allSettled([send('POST')]).then(() => { document.title = 'sent'; });
    </script>`;
    const other = createServer((_, response) => response.setHeader('content-type', 'text/html').end(html));
    await new Promise<void>((listening) => void other.listen(0, '127.0.0.1', listening));
    onTestFinished(() => void other.close());
    const before = site.gate.gate.stats().purges;
    const tab = await page.context().newPage();
    await tab.goto(`http://127.0.0.1:${(other.address() as AddressInfo).port}/`);
    await expect.poll(() => tab.title()).toBe('sent');
    expect(site.gate.gate.stats().purges).toBe(before);
    const forged = { origin: 'http://127.0.0.1:1', 'sec-fetch-site': 'same-site' };
    expect((await page.request.post(`${site.gate.adminUrl}/clear`, { headers: forged })).status()).toBe(403);
    expect((await page.request.post(`${site.gate.adminUrl}/clear`)).status()).toBe(403);
    const elsewhere = site.gate.adminUrl.replace('127.0.0.1', 'localhost');
    const cookie = (await page.context().cookies())[0]?.value ?? '';
    const moved = { cookie: `tidegate-session=${cookie}` };
    expect((await page.request.get(`${elsewhere}/stats`, { headers: moved })).status()).toBe(401);
  });
});

describe('the panels', () => {
  test('show what is so, and no more than this gate is asked', async () => {
    const page = await inside();
    await page.locator('.figure', { hasText: 'Outdated answers' }).filter({ hasText: 'samples' }).waitFor();
    expect(await page.locator('.figure', { hasText: 'Hit ratio' }).first().textContent()).toMatch(/\d+\.\d %/);
    await show(page, 'traffic');
    await page.getByRole('region', { name: 'Top URLs' }).getByRole('row').nth(5).waitFor();
    await page.getByRole('button', { name: 'Misses' }).click();
    await page.getByRole('columnheader', { name: 'Misses ↓' }).waitFor();
    await show(page, 'populate');
    await page.getByRole('region', { name: 'Schedules' }).getByText('front').waitFor();
    await show(page, 'feeds');
    await page.getByText('No tracker reports to this gate.').waitFor();
    await show(page, 'tenants');
    await page.getByRole('button', { name: 'Show acme' }).click();
    await page.getByRole('button', { name: 'Suspend' }).click();
    await page.getByRole('button', { name: 'Resume' }).click();
    await page.getByRole('button', { name: 'Suspend' }).waitFor();
  });

  test('find entries, say why, and invalidate: the next answer is new', async () => {
    const page = await inside();
    await show(page, 'entries');
    await page.getByLabel('What to find').fill('http://shop.example/users/12');
    const stored = page.getByRole('region', { name: 'Stored responses' });
    await stored.getByRole('row').filter({ hasText: 'users/13' }).waitFor({ state: 'detached' });
    await stored.getByRole('link', { name: 'shop.example/users/12' }).click();
    await page.getByText('The stored response is fresh.').waitFor();
    await page.getByRole('button', { name: 'Prove' }).click();
    await page.getByRole('status').filter({ hasText: 'same' }).waitFor();

    const before = await ask(site, '/users/12');
    site.version++;
    expect(await ask(site, '/users/12')).toBe(before);
    await show(page, 'invalidations');
    await page.getByLabel('The tag').fill('user:12');
    await page.getByRole('button', { name: 'Preview' }).first().click();
    await page.locator('.preview').getByText('1 stored response is named').waitFor();
    expect(await page.locator('.preview').getByRole('link').allInnerTexts()).toEqual(['shop.example/users/12']);
    expect(await ask(site, '/users/12')).toBe(before);
    await page.getByRole('button', { name: 'Invalidate', exact: true }).click();
    await page.getByRole('status').filter({ hasText: 'Outdated: 1 stored' }).waitFor();
    expect(JSON.parse(await ask(site, '/users/12'))).toMatchObject({ version: site.version });
    await page.getByRole('region', { name: 'Invalidations' }).getByRole('row').filter({ hasText: 'user:12' }).waitFor();

    await page.getByLabel('Webhook, as in populate.publish').fill('cms');
    await page.getByLabel('Its content, as JSON').fill('{"id": 4}');
    await page.getByRole('button', { name: 'Preview' }).last().click();
    await page.getByText('It names http://shop.example/users/4, user:4.').waitFor();
    await page.getByLabel('Webhook, as in populate.publish').fill('nobody');
    await page.getByRole('button', { name: 'Preview' }).last().click();
    await page.getByRole('alert').filter({ hasText: 'expected one of cms' }).waitFor();
    expect(wrong.splice(0)).toEqual([expect.stringContaining('400')]);
  });

  test('are reached by the keyboard alone', async () => {
    const page = await open();
    await page.getByLabel('Token of the admin API').waitFor();
    await page.keyboard.press('Tab');
    await page.keyboard.type(TOKEN);
    await page.keyboard.press('Enter');
    await page.getByRole('heading', { name: 'Overview' }).waitFor();
    const focused = () => page.evaluate('document.activeElement.textContent.trim()');
    for (let at = 0; at < 3 && (await focused()) !== 'To the content'; at++) await page.keyboard.press('Tab');
    expect(await focused()).toBe('To the content');
    await page.keyboard.press('Tab');
    expect(await focused()).toBe('Overview');
    for (const name of ['Traffic', 'Entries']) {
      await page.keyboard.press('ArrowRight');
      expect(await focused()).toBe(name);
    }
    await page.keyboard.press('Enter');
    await page.getByRole('heading', { name: 'Entries' }).waitFor();
  });

  test.each<Required<Pick<Look, 'width' | 'theme'>>>([
    { theme: 'light', width: 1280 },
    { theme: 'dark', width: 1280 },
    { theme: 'light', width: 375 },
  ])('are fit to be looked at: $theme, $width px', { timeout: 90_000 }, async (look) => {
    const page = await inside(look);
    const back = await page.evaluate('getComputedStyle(document.documentElement).backgroundColor');
    expect(back).toBe(look.theme === 'dark' ? 'rgb(15, 20, 26)' : 'rgb(246, 247, 249)');
    for (const panel of PANELS) {
      await show(page, panel);
      await page.waitForLoadState('networkidle').catch(() => undefined);
      await page.screenshot({ path: join(SHOTS, `${panel}-${look.theme}-${look.width}.png`), fullPage: true });
      expect(await page.evaluate('document.documentElement.scrollWidth - innerWidth')).toBeLessThanOrEqual(0);
      expect(await findings(page)).toEqual([]);
    }
    await page.getByRole('button', { name: look.theme === 'dark' ? 'Light colours' : 'Dark colours' }).click();
    expect(await page.evaluate('getComputedStyle(document.documentElement).backgroundColor')).not.toBe(back);
    await page.reload();
    expect(await page.evaluate('getComputedStyle(document.documentElement).backgroundColor')).not.toBe(back);
  });

  test('have plots that go on under load, and nothing moves as they do', { timeout: 90_000 }, async () => {
    const page = await inside();
    const plot = page.getByRole('img', { name: /^Requests in a second/ });
    await plot.waitFor({ timeout: 60_000 });
    await page.evaluate(`
      window.shifts = 0;
      new PerformanceObserver((list) => { for (const one of list.getEntries()) window.shifts += one.value; })
        .observe({ type: 'layout-shift', buffered: false });
    `);
    const points = Number(await plot.getAttribute('data-points'));
    await expect
      .poll(async () => Number(await plot.getAttribute('data-points')), { timeout: 30_000 })
      .toBeGreaterThan(points);
    expect(await plot.getAttribute('aria-label')).toMatch(/all \d+\.\d\/s/);
    expect(await page.evaluate('window.shifts')).toBeLessThan(0.02);
  });
});

test('a gate without a token opens at once, and draws what an answer hangs on', { timeout: 60_000 }, async () => {
  const demo = await startDemoOrigin();
  onTestFinished(() => demo.close());
  const options = { listen: { port: 0 }, admin: { port: 0 }, origins: { demo: { url: demo.url } } };
  const gate = await startGate(resolveConfig(options, { env: {} }), pino({ level: 'silent' }));
  onTestFinished(() => gate.close({ grace: 0 }));
  await demo.follow(gate.adminUrl);
  const url = `${gate.url}/v1/users/7`;
  const page = await open({ url: gate.adminUrl });
  await page.getByRole('heading', { name: 'Overview' }).waitFor();
  await expect.poll(async () => (await fetch(url)).headers.get('cache-status'), { timeout: 20_000 }).toContain('; hit');
  await page.goto(`${gate.adminUrl}/dashboard/#/entries?url=${encodeURIComponent(url)}`);
  const graph = page.locator('svg.graph');
  await graph.waitFor();
  expect(await graph.getAttribute('aria-label')).toMatch(/\/v1\/users\/7 depends on: .*row users 7/);
  expect(await graph.locator('g.record rect').count()).toBeGreaterThan(0);
  expect(await findings(page)).toEqual([]);
  await page.screenshot({ path: join(SHOTS, 'graph.png') });
  await page.goto(`${gate.adminUrl}/dashboard/#/feeds`);
  await page.getByText('heard').waitFor();
});
