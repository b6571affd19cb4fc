// Whom the gate takes for its client, and what it believes of proxies.

import { describe, expect, test } from 'vitest';
import { clientGroup } from '../../src/entry/clients.ts';
import { resolveConfig } from '../../src/node/config/config.ts';
import { type Belief, NO_BELIEF, type Trust, trustOf, UNSTATED } from '../../src/node/front/trusted-proxies.ts';
import { fieldValue } from '../../src/semantics/fields.ts';
import { exchange, get, startFront, statusOf } from './front-kit.ts';

const FROM = ['127.0.0.1', '10.0.0.0/8', '2001:db8:ffff::/48'];

function proxies(belief: Partial<Belief>): Trust {
  return trustOf({ ...NO_BELIEF, client: true, from: FROM, ...belief });
}

/** The request that the engine gets. */
async function requestOf(trust: Trust, ...lines: string[]) {
  const { port, requests } = await startFront({ trust: () => trust });
  await exchange(port, get('/', ...lines));
  const [request] = requests;
  return { ...request!, value: (name: string) => fieldValue(request!.fields, name) };
}

const CLIENTS: readonly [name: string, lines: readonly string[], client: string, passedOn?: string][] = [
  ['nothing', [], '127.0.0.1'],
  ['an empty field', ['X-Forwarded-For:'], '127.0.0.1'],
  ['one hop', ['X-Forwarded-For: 192.0.2.1'], '192.0.2.1', '192.0.2.1, 127.0.0.1'],
  ['what the client itself has written', ['X-Forwarded-For: 6.6.6.6, 192.0.2.1'], '192.0.2.1', '192.0.2.1, 127.0.0.1'],
  ['two lines', ['X-Forwarded-For: 6.6.6.6', 'X-Forwarded-For: 192.0.2.1'], '192.0.2.1', '192.0.2.1, 127.0.0.1'],
  ['two proxies', ['X-Forwarded-For: 6.6.6.6, 192.0.2.1, 10.1.2.3'], '192.0.2.1', '192.0.2.1, 10.1.2.3, 127.0.0.1'],
  ['proxies alone', ['X-Forwarded-For: 10.9.9.9, 10.1.2.3'], '10.9.9.9', '10.9.9.9, 10.1.2.3, 127.0.0.1'],
  ['no address', ['X-Forwarded-For: 192.0.2.1, unknown'], '127.0.0.1'],
  ['no address before a proxy', ['X-Forwarded-For: 192.0.2.1, x, 10.1.2.3'], '10.1.2.3', '10.1.2.3, 127.0.0.1'],
  ['a port', ['X-Forwarded-For: 192.0.2.1:4711'], '192.0.2.1', '192.0.2.1, 127.0.0.1'],
  ['IPv6', ['X-Forwarded-For: 2001:DB8:0:0::1'], '2001:db8::1', '2001:db8::1, 127.0.0.1'],
  ['IPv6 with a port', ['X-Forwarded-For: [2001:db8::1]:443'], '2001:db8::1', '2001:db8::1, 127.0.0.1'],
  ['IPv4 as IPv6', ['X-Forwarded-For: ::ffff:192.0.2.1'], '192.0.2.1', '192.0.2.1, 127.0.0.1'],
  ['IPv4 in another form', ['X-Forwarded-For: 0300.0.2.1'], '127.0.0.1'],
  [
    'a proxy with IPv6',
    ['X-Forwarded-For: 192.0.2.1, 2001:db8:ffff::9'],
    '192.0.2.1',
    '192.0.2.1, 2001:db8:ffff::9, 127.0.0.1',
  ],
  ['a zone', ['X-Forwarded-For: fe80::1%eth0'], '127.0.0.1'],
  ['Forwarded', ['Forwarded: for=6.6.6.6, for=192.0.2.1;proto=https;host=x'], '192.0.2.1', '192.0.2.1, 127.0.0.1'],
  ['Forwarded with IPv6', ['Forwarded: For="[2001:db8::1]:4711"'], '2001:db8::1', '2001:db8::1, 127.0.0.1'],
  ['Forwarded without for', ['Forwarded: for=192.0.2.1, proto=https'], '127.0.0.1'],
  ['Forwarded that hides', ['Forwarded: for=_hidden'], '127.0.0.1'],
  ['two for in one member', ['Forwarded: for=6.6.6.6;for=192.0.2.1'], '127.0.0.1'],
  ['a quote left open', ['Forwarded: for="6.6.6.6, for=192.0.2.1'], '192.0.2.1', '192.0.2.1, 127.0.0.1'],
  [
    'both in agreement',
    ['Forwarded: for=192.0.2.1', 'X-Forwarded-For: 192.0.2.1'],
    '192.0.2.1',
    '192.0.2.1, 127.0.0.1',
  ],
  ['both in conflict', ['Forwarded: for=6.6.6.6', 'X-Forwarded-For: 192.0.2.1'], '127.0.0.1'],
  [
    'one that Connection names',
    ['Connection: X-Forwarded-For', 'X-Forwarded-For: 192.0.2.1'],
    '192.0.2.1',
    '192.0.2.1, 127.0.0.1',
  ],
];

describe('the client', () => {
  test.each(CLIENTS)('%s', async (_name, lines, client, passedOn = client) => {
    const request = await requestOf(trustOf(FROM), ...lines);
    expect(request.client).toBe(client);
    expect(request.value('x-forwarded-for')).toBe(passedOn);
    expect(request.value('forwarded')).toBeUndefined();
    expect(request.bypass).toBe(false);
  });

  test('is the peer where that is no proxy, whatever it states', async () => {
    const lines = ['X-Forwarded-For: 192.0.2.1', 'Forwarded: for=192.0.2.1', 'X-Real-IP: 192.0.2.1'];
    for (const from of [[], ['192.0.2.0/24']]) {
      const request = await requestOf(trustOf(from), ...lines);
      expect([request.client, request.value('x-forwarded-for')]).toEqual(['127.0.0.1', '127.0.0.1']);
    }
  });

  test('is not known where nobody says whether there are proxies and the peer may be one', async () => {
    const request = await requestOf(UNSTATED, 'X-Forwarded-For: 192.0.2.1');
    expect(request.client).toBeUndefined();
    expect(request.value('x-forwarded-for')).toBe('127.0.0.1');
  });

  test.each([
    ['x-forwarded-for', '192.0.2.1'],
    ['forwarded', '6.6.6.6'],
    [true, '127.0.0.1'],
  ] as const)('is that of the field that the proxies write: %s', async (client, expected) => {
    const request = await requestOf(proxies({ client }), 'Forwarded: for=6.6.6.6', 'X-Forwarded-For: 192.0.2.1');
    expect(request.client).toBe(expected);
    const other = client === 'forwarded' ? 'X-Forwarded-For: 192.0.2.1' : 'Forwarded: for=6.6.6.6';
    const alone = await requestOf(proxies({ client }), other);
    expect(alone.client).toBe(client === true ? '6.6.6.6' : '127.0.0.1');
    expect(alone.value('x-forwarded-for')).toBe(client === true ? '6.6.6.6, 127.0.0.1' : '127.0.0.1');
  });

  test('is the peer where the proxies are not believed in it', async () => {
    const request = await requestOf(proxies({ client: false }), 'X-Forwarded-For: 192.0.2.1');
    expect([request.client, request.value('x-forwarded-for')]).toEqual(['127.0.0.1', '127.0.0.1']);
  });

  test.each([
    ['192.0.2.1', '192.0.2.1'],
    ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2::/64'],
    ['2001:db8::1', '2001:db8:0:0::/64'],
    ['2001:db8:1:2::', '2001:db8:1:2::/64'],
    ['::1', '0:0:0:0::/64'],
    ['64:ff9b::192.0.2.1', '64:ff9b:0:0::/64'],
    ['fe80::1%eth0', 'fe80:0:0:0::/64'],
  ])('%s counts as %s', (address, group) => {
    expect(clientGroup(address)).toBe(group);
  });
});

const CLAIMS = [
  'X-Forwarded-Proto: https',
  'X-Forwarded-Host: Shop.example:443',
  'X-Original-URL: /other',
  'X-HTTP-Method-Override: PUT',
  'X-Real-IP: 192.0.2.1',
  'Cache-Control: no-cache',
];

describe('a proxy is believed', () => {
  test('in nothing but the client by default', async () => {
    const request = await requestOf(trustOf(FROM), ...CLAIMS);
    expect(request).toMatchObject({ uri: 'http://example.org/', bypass: false });
    const values = ['host', 'x-forwarded-host', 'x-forwarded-proto', 'cache-control'].map(request.value);
    expect(values).toEqual(['example.org', 'example.org', 'http', undefined]);
    for (const name of ['x-original-url', 'x-http-method-override', 'x-real-ip'])
      expect(request.value(name)).toBeUndefined();
  });

  test.each([
    [{ scheme: true }, 'https://example.org/'],
    [{ host: true }, 'http://shop.example:443/'],
    [{ host: true, scheme: true }, 'https://shop.example/'],
  ])('%j', async (belief, uri) => {
    const request = await requestOf(proxies(belief), ...CLAIMS);
    expect(request).toMatchObject({ uri, bypass: false });
    expect(`${request.value('x-forwarded-proto')}://${request.value('host')}/`).toBe(uri);
    expect(request.value('x-original-url')).toBeUndefined();
  });

  test('in overrides, which go past the cache', async () => {
    const request = await requestOf(proxies({ overrides: true }), ...CLAIMS);
    expect(request).toMatchObject({ uri: 'http://example.org/', bypass: true });
    expect(request.value('x-original-url')).toBe('/other');
    expect(request.value('x-real-ip')).toBe('192.0.2.1');
  });

  test('in its directives', async () => {
    const request = await requestOf(proxies({ directives: true }), ...CLAIMS);
    expect(request.value('cache-control')).toBe('no-cache');
  });

  test('in no field that is spelt with an underscore', async () => {
    const all = proxies({ host: true, scheme: true, overrides: true });
    const lines = ['X-Forwarded_Host: e', 'X_Original_URL: /o', 'X-Forwarded-Any_Thing: 1', 'X_Real_IP: 192.0.2.1'];
    expect((await requestOf(all, ...lines)).fields).toEqual((await requestOf(all)).fields);
  });

  test('or is refused: what is no scheme, and what is no host', async () => {
    const { port } = await startFront({ trust: () => proxies({ host: true, scheme: true }) });
    expect(statusOf(await exchange(port, get('/', 'X-Forwarded-Proto: gopher')))).toBe(400);
    expect(statusOf(await exchange(port, get('/', 'X-Forwarded-Host: a/b')))).toBe(400);
  });
});

test.each([
  [{ from: ['::/129'] }, /trustedProxies\.from\[0\]: expected an IP address or a network/],
  [{ from: [], proto: true }, /trustedProxies\.proto: unknown key/],
  [
    { from: [], client: 'via' },
    /trustedProxies\.client: expected true, false, 'x-forwarded-for' or 'forwarded', got "via"/,
  ],
  [{ client: true }, /trustedProxies\.from: expected a list, got nothing/],
  ['10.0.0.1', /trustedProxies: expected a list of addresses and networks, or \{ from,/],
])('%j is no configuration', (trustedProxies, problem) => {
  expect(() => resolveConfig({ origins: { app: { url: 'http://127.0.0.1:1' } }, trustedProxies })).toThrow(problem);
});
