// What the log says at the start about who the clients are.

import { expect, test, vi } from 'vitest';
import { resolveConfig } from '../../src/node/config/config.ts';
import type { TidegateConfig } from '../../src/node/config/config-types.ts';
import { warnOfUnknownProxies } from '../../src/node/listening.ts';

function warnings(config: Partial<TidegateConfig>): unknown[] {
  const warn = vi.fn();
  const resolved = resolveConfig({ origins: { app: { url: 'http://127.0.0.1:1' } }, ...config });
  warnOfUnknownProxies(resolved, { warn } as unknown as Parameters<typeof warnOfUnknownProxies>[1]);
  return warn.mock.calls.map(([, text]) => text);
}

test.each(['0.0.0.0', '::', '192.0.2.1', 'gate.example'])('listening on %s, the log names the mend', (host) => {
  expect(warnings({ listen: { host } })).toEqual([expect.stringContaining('trustedProxies')]);
});

test.each<Partial<TidegateConfig>>([
  {},
  { listen: { host: 'localhost' } },
  { listen: { host: '::1' } },
  { listen: { host: '127.0.0.2' } },
  { listen: { host: '0.0.0.0' }, trustedProxies: [] },
  { listen: { host: '0.0.0.0' }, trustedProxies: ['10.0.0.0/8'] },
  { listen: { host: '0.0.0.0', proxyProtocol: true } },
])('nothing is said where clients are known, or only this machine connects: %j', (config) => {
  expect(warnings(config)).toEqual([]);
});
