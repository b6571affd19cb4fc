// A Chromium for tests: that of Debian, installed where it is missing and this user may.

import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import type { Browser } from 'playwright-core';

const PLACES = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'];

/** Undefined: there is none, and none can be had here. */
function chromium(): string | undefined {
  const given = process.env.TIDEGATE_CHROMIUM;
  const known = () => [given ?? '', ...PLACES].find((place) => place !== '' && existsSync(place));
  const found = known();
  if (found !== undefined || process.getuid?.() !== 0 || !existsSync('/usr/bin/apt-get')) return found;
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  const run = (...args: string[]) => execFileSync('apt-get', ['-qq', ...args], { env, stdio: 'pipe' });
  run('update');
  run('install', '-y', '--no-install-recommends', 'chromium');
  return known();
}

/** Rejects where there is no browser, with what to do. */
export async function launch(): Promise<Browser> {
  const executablePath = chromium();
  if (executablePath === undefined) {
    throw new Error('expected a Chromium, got none: apt-get install chromium, or name one in TIDEGATE_CHROMIUM');
  }
  const { chromium: engine } = await import('playwright-core');
  return engine.launch({ executablePath, args: ['--no-sandbox', '--disable-gpu'] });
}
