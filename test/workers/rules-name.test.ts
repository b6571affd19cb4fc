// The name under which a configuration stores: what another one has stored is not found under it.

import { expect, test } from 'vitest';
import { checkedWorkersConfig } from '../../src/site/workers-config.ts';
import { rulesName } from '../../src/workers/tiers.ts';

const nameOf = (config: object) => rulesName(checkedWorkersConfig(config));
const at = (url: string) => ({ url: `https://${url}.example` });

test.each(['app', 'handler', 'outward'])('an origin with the name %s that moves has a name of its own', (name) => {
  expect(nameOf({ origins: { [name]: at('old') } })).not.toBe(nameOf({ origins: { [name]: at('new') } }));
});

test.each(['x-own', 'handler', 'outward'])('so has a route that sets the field %s to another value', (field) => {
  for (const edits of ['request', 'response']) {
    const setting = (value: string) => ({
      origins: { app: at('app') },
      routes: [{ [edits]: { set: { [field]: value } } }],
    });
    expect(nameOf(setting('one'))).not.toBe(nameOf(setting('two')));
  }
});

test('what is no part of an entry leaves the name as it is', () => {
  const withOwn = (own: object) => nameOf({ origins: { app: { handler: () => new Response() } }, ...own });
  const name = withOwn({ routes: [{}] });
  expect(withOwn({ routes: [{}], origins: { app: { handler: () => new Response('other') } } })).toBe(name);
  expect(withOwn({ routes: [{ outward: { maxAge: '1m' } }], tiers: ['memory', 'kv'] })).toBe(name);
});
