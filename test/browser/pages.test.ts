// The site in a real Chromium: built from the documents as they are, asked of nobody else, on a desk and on a phone.

import { execFile } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { extname, join, normalize } from 'node:path';
import { promisify } from 'node:util';
import type { Browser, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, expect, onTestFinished, test } from 'vitest';
import { LAUNCH_MS, launch, NO_BROWSER } from './browser.ts';
import { findings } from './looking.ts';

const ROOT = join(import.meta.dirname, '../..');
const DIST = join(ROOT, 'site/dist');
const SHOTS = join(import.meta.dirname, 'screenshots');
/** VitePress' own, whose name is not all that it shows. */
const NOT_OURS = ['.DocSearch-Button'];
const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript',
  '.css': 'text/css',
  '.json': 'application/json',
  '.svg': 'image/svg+xml',
};

let browser: Browser | undefined;
let server: Server;
let url = '';

beforeAll(async () => {
  browser = await launch();
  if (browser === undefined) return;
  mkdirSync(SHOTS, { recursive: true });
  // Vitest's own variables would make it a build for tests.
  const { VITEST: _, NODE_ENV: __, ...env } = process.env;
  await promisify(execFile)(process.execPath, ['site/build.ts'], { cwd: ROOT, env, maxBuffer: 64 * 1024 * 1024 });
  server = createServer(async (asked, response) => {
    const path = normalize(decodeURIComponent((asked.url as string).split('?', 1)[0] as string));
    const name = path.endsWith('/') ? `${path}index.html` : extname(path) in TYPES ? path : `${path}.html`;
    const body = await readFile(join(DIST, name)).catch(() => undefined);
    response.writeHead(body === undefined ? 404 : 200, {
      'content-type': TYPES[extname(name)] ?? 'application/octet-stream',
    });
    response.end(body);
  });
  await new Promise<void>((listening) => void server.listen(0, '127.0.0.1', listening));
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}, LAUNCH_MS);

beforeEach((context) => context.skip(browser === undefined, NO_BROWSER));

afterAll(async () => {
  await browser?.close();
  server?.close();
});

const wrong: string[] = [];
afterEach(() => expect(wrong.splice(0)).toEqual([]));

async function open(path: string, width: number, theme: 'light' | 'dark' = 'light'): Promise<Page> {
  const context = await (browser as Browser).newContext({ viewport: { width, height: 900 }, colorScheme: theme });
  onTestFinished(() => context.close());
  const page = await context.newPage();
  page.on('console', (message) => message.type() === 'error' && wrong.push(`console: ${message.text()}`));
  page.on('pageerror', (error) => wrong.push(`error: ${error}`));
  page.on(
    'request',
    (request) => !/^(?:data:|blob:)/.test(request.url()) && !request.url().startsWith(url) && wrong.push(request.url()),
  );
  page.on('response', (response) => response.status() >= 400 && wrong.push(`${response.status()} ${response.url()}`));
  await page.goto(url + path, { waitUntil: 'networkidle' });
  return page;
}

test.each([
  ['/', 1280, 'light'],
  ['/', 1280, 'dark'],
  ['/', 375, 'light'],
  ['/docs/configuration', 1280, 'light'],
  ['/docs/exact-invalidation', 375, 'dark'],
] as const)('%s at %d px, %s', { timeout: 60_000 }, async (path, width, theme) => {
  const page = await open(path, width, theme);
  const name = path === '/' ? 'site' : `site-${path.split('/').at(-1)}`;
  await page.screenshot({ path: join(SHOTS, `${name}-${width}-${theme}.png`), fullPage: path === '/' });
  expect(await page.locator('h1').count()).toBe(1);
  expect(await page.evaluate('document.documentElement.scrollWidth - innerWidth')).toBeLessThanOrEqual(0);
  expect(await findings(page, NOT_OURS)).toEqual([]);
});

test('the race of the landing page is run in the browser: the naive cache loses, the data cache does not', {
  timeout: 60_000,
}, async () => {
  const page = await open('/', 1280);
  const begun = async () => {
    const button = page.getByRole('button', { name: 'Run it here' });
    if (await button.isVisible()) await button.click();
    return page.getByRole('button', { name: 'Running' }).isVisible();
  };
  await expect.poll(begun, { timeout: 30_000, interval: 500 }).toBe(true);
  await page.getByText('after 100 races').waitFor({ timeout: 45_000 });
  await page.getByRole('button', { name: 'Run it here' }).waitFor();
  expect(Number(await page.locator('.own').textContent())).toBe(0);
  expect(Number(await page.locator('.naive').textContent())).toBeGreaterThan(10);
});

test('search finds a page by what it says', { timeout: 60_000 }, async () => {
  const page = await open('/docs/configuration', 1280);
  const field = page.locator('.VPLocalSearchBox input');
  // The page hears of keys once its script has run.
  const opened = async () => {
    if (!(await field.isVisible())) await page.keyboard.press('Control+k');
    return field.isVisible();
  };
  await expect.poll(opened, { timeout: 30_000, interval: 500 }).toBe(true);
  await field.fill('tenant rotate-token');
  const found = page.locator('.VPLocalSearchBox .result');
  await found
    .filter({ hasText: /tenant/i })
    .first()
    .click();
  await page.waitForURL(/tenants|commands/);
});
