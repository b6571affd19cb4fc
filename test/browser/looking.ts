// How tests look at a page: in a context of its own, with what the page must not do noted, and with axe.

import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import type { Browser, Page } from 'playwright-core';
import { onTestFinished } from 'vitest';

const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

export interface Look {
  readonly width?: number;
  readonly theme?: 'light' | 'dark';
}

/** `wrong`: gets errors, and requests to others than the URL. */
export async function openPage(
  browser: Browser,
  wrong: string[],
  { width = 1280, theme = 'light', url }: Look & { readonly url: string },
): Promise<Page> {
  const context = await browser.newContext({ viewport: { width, height: 900 }, colorScheme: theme });
  onTestFinished(() => context.close());
  const page = await context.newPage();
  page.on('console', (message) => message.type() === 'error' && wrong.push(`console: ${message.text()}`));
  page.on('pageerror', (error) => wrong.push(`error: ${error}`));
  page.on('request', (request) => {
    if (!request.url().startsWith(url) && !request.url().startsWith('data:')) wrong.push(`asked ${request.url()}`);
  });
  await page.goto(url);
  return page;
}

interface AxeFinding {
  readonly id: string;
  readonly impact: string;
  readonly nodes: readonly { readonly html: string }[];
}

/** Serious and critical findings of axe. `but`: selectors of what is not looked at. */
export async function findings(page: Page, but: readonly string[] = []): Promise<string[]> {
  const context = JSON.stringify({ exclude: but.map((selector) => [selector]) });
  // The page's own policy lets no script in; the browser's isolated world is not under it.
  const found = await page.evaluate(`(() => { ${AXE}; return axe.run(${context}); })()`);
  const { violations } = found as { readonly violations: readonly AxeFinding[] };
  return violations
    .filter(({ impact }) => impact === 'serious' || impact === 'critical')
    .map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html.slice(0, 120)).join(' | ')}`);
}
