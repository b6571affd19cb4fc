// A Chromium for tests: that of Debian, installed where it is missing and this user may.

import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import type { Browser } from 'playwright-core';

const PLACES = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'];
const INSTALL =
  'test -x /usr/bin/chromium || (apt-get -qq update && apt-get -qq install -y --no-install-recommends chromium)';

/** For `beforeAll`: an installation takes minutes. */
export const LAUNCH_MS = 600_000;

/** Why tests are left out where there is none. */
export const NO_BROWSER = 'no Chromium: apt-get install chromium, or name one in TIDEGATE_CHROMIUM';

/** Undefined: there is none, and none can be had here. */
function chromium(): string | undefined {
  const known = () =>
    [process.env.TIDEGATE_CHROMIUM ?? '', ...PLACES].find((place) => place !== '' && existsSync(place));
  const found = known();
  if (found !== undefined || process.getuid?.() !== 0 || !existsSync('/usr/bin/apt-get')) return found;
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  try {
    // Several test files may want it at once.
    execFileSync('flock', ['/tmp/tidegate-chromium.lock', 'sh', '-c', INSTALL], { env, stdio: 'pipe' });
  } catch (error) {
    console.warn(`Chromium could not be installed: ${(error as Error).message}`);
  }
  return known();
}

/** Undefined where there is no browser; then the tests of it are left out, and say so. */
export async function launch(): Promise<Browser | undefined> {
  const executablePath = chromium();
  if (executablePath === undefined) return void console.warn(`left out: ${NO_BROWSER}`);
  const { chromium: engine } = await import('playwright-core');
  return engine.launch({ executablePath, args: ['--no-sandbox', '--disable-gpu'] });
}
