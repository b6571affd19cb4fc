import pino from 'pino';
import { expect, test } from 'vitest';
import { resolveConfig } from '../../src/node/config/config.ts';
import { ADMIN_COMMANDS } from '../../src/node/operator/cli/admin-commands.ts';
import { TENANT } from '../../src/node/operator/cli/tenant-commands.ts';
import { runCommand } from '../kit/run-command.ts';
import { call, create, get, OPERATOR, start, startSite, tempFolder, twoTenants } from './tenants-kit.ts';

test('a tenant is in force at once: its hosts, its origin, and nobody else there', async () => {
  const { gate, file, acme } = await twoTenants();
  expect(await get(gate, 'acme.example', '/a')).toMatchObject({ status: 200, text: 'acme 1 /a' });
  expect(await get(gate, 'blue.example', '/a')).toMatchObject({ status: 200, text: 'blue 1 /a' });
  expect(await get(gate, 'other.example', '/a')).toMatchObject({ text: 'file 1 /a' });
  expect((await get(gate, 'acme.example', '/a')).cache).toContain('hit');
  expect(acme.asked).toEqual(['acme.example/a']);
  expect(file.asked).toEqual(['other.example/a']);
});

test("a tag reaches its tenant's entries and nobody else's", async () => {
  const { gate, tokens } = await twoTenants();
  const hosts = ['acme.example', 'blue.example', 'other.example'];
  for (const host of hosts) await get(gate, host, '/a');
  expect((await call(gate, '/invalidate', { tag: 'news' }, tokens.acme)).json).toEqual({ matched: 1 });
  const caches = async () =>
    (await Promise.all(hosts.map((host) => get(gate, host, '/a')))).map(({ cache }) => /hit/.test(cache));
  expect(await caches()).toEqual([false, true, true]);
  // The operator's own selectors are about the configuration file; the tenant's stand under its name.
  expect((await call(gate, '/invalidate', { tag: 'news' })).json).toMatchObject({ matched: 1 });
  expect(await caches()).toEqual([true, true, false]);
  expect((await call(gate, '/tenants/blue/purge', { tag: 'news' })).json).toEqual({ matched: 1 });
  expect(await caches()).toEqual([true, false, true]);
});

test('a token sees and reaches what its tenant has, by its own names', async () => {
  const { gate, tokens } = await twoTenants();
  for (const host of ['acme.example', 'blue.example', 'other.example']) await get(gate, host, '/a');
  const { json: list } = await call(gate, '/entries', undefined, tokens.acme);
  const entry = {
    key: '- api GET http://acme.example/a',
    uri: 'http://acme.example/a',
    origin: 'api',
    tags: ['news', 'all'],
  };
  expect(list).toMatchObject({ entries: [entry] });
  expect(list.entries).toHaveLength(1);
  expect(list.entries[0]).not.toHaveProperty('stamp');
  const { json: same } = await call(gate, '/tenants/acme/entries');
  expect(same.entries).toMatchObject([entry]);
  expect(Object.keys(same.entries[0])).toEqual(Object.keys(list.entries[0]));
  const explained = await call(gate, '/explain?url=http://acme.example/a', undefined, tokens.acme);
  expect(explained.json).toMatchObject({ key: entry.key, verdict: 'serve', entry });
  expect(explained.json).not.toHaveProperty('position');
  expect(await call(gate, '/explain?url=http://blue.example/a', undefined, tokens.acme)).toMatchObject({ status: 404 });
  expect((await call(gate, '/stats', undefined, tokens.acme)).json).toMatchObject({
    requests: { miss: 1 },
    forwards: 1,
  });
  for (const body of [
    { url: 'http://blue.example/a' },
    { prefix: 'http://blue.example/' },
    { prefix: 'http://' },
    { pattern: '*' },
    { pattern: 'http://*/a' },
    { origin: 'blue:api' },
  ])
    expect(await call(gate, '/purge', body, tokens.acme), JSON.stringify(body)).toMatchObject({ status: 400 });
  expect((await call(gate, '/purge', { all: true }, tokens.acme)).json).toEqual({ matched: 1 });
  expect((await call(gate, '/entries')).json.entries).toHaveLength(2);
});

test('a token is for its scopes, its tenant and its time', async () => {
  const { gate, tokens } = await twoTenants();
  const { json: reader } = await call(gate, '/tenants/acme/tokens', { scopes: ['read'], expiresIn: '1h' });
  expect(await call(gate, '/entries', undefined, reader.token)).toMatchObject({ status: 200 });
  for (const [path, body] of [
    ['/invalidate', { tag: 'news' }],
    ['/tenants/acme', { routes: [] }],
    ['/tenants'],
    ['/tenants/blue/entries'],
    ['/tenants/none/entries'],
    ['/metrics'],
    ['/populate'],
    ['/tiers'],
    ['/tenants/acme/suspend', {}],
    ['/tenants/acme/tokens', {}],
  ] as const)
    expect(await call(gate, path, body, reader.token), path).toMatchObject({ status: 403 });
  expect(await call(gate, '/entries', undefined, `${reader.token}x`)).toMatchObject({ status: 401 });
  expect(await call(gate, '/entries', undefined, 'tgt_unknown')).toMatchObject({ status: 401 });
  expect(await call(gate, '/tenants/acme', { hosts: ['x.example'] }, tokens.acme)).toMatchObject({ status: 403 });
  const { json: rotated } = await call(gate, '/rotate-token', {}, tokens.acme);
  expect(await call(gate, '/entries', undefined, tokens.acme)).toMatchObject({ status: 401 });
  expect(await call(gate, '/entries', undefined, rotated.token)).toMatchObject({ status: 200 });
  await call(gate, '/tenants/acme/tokens/revoke', { id: reader.id });
  expect(await call(gate, '/entries', undefined, reader.token)).toMatchObject({ status: 401 });
});

test('who did what is in the audit, and no token', async () => {
  const { gate, tokens } = await twoTenants();
  await call(gate, '/invalidate', { tag: 'news' }, tokens.acme);
  const { json } = await call(gate, '/audit', undefined, tokens.acme);
  const id = tokens.acme.split('_')[1];
  expect(json.audit).toMatchObject([
    { who: id, what: 'invalidate 200', details: '{"tag":"news"}' },
    { who: 'operator', what: 'create', details: `token ${id}` },
  ]);
  expect(JSON.stringify(json)).not.toContain(tokens.acme);
  expect((await call(gate, '/tenants/blue/audit')).json.audit).toHaveLength(1);
});

test('a suspended tenant gets 503 and keeps no entry; a deleted one is gone', async () => {
  const { gate, file, acme, tokens } = await twoTenants();
  await get(gate, 'acme.example', '/a');
  expect((await call(gate, '/tenants/acme/suspend', {})).json).toMatchObject({ status: 'suspended' });
  const suspended = await get(gate, 'acme.example', '/a');
  expect(suspended.status).toBe(503);
  expect(suspended.text).toContain('tenant-suspended');
  expect((await call(gate, '/entries')).json.entries).toEqual([]);
  await call(gate, '/tenants/acme/resume', {});
  acme.version = 2;
  expect(await get(gate, 'acme.example', '/a')).toMatchObject({ status: 200, text: 'acme 2 /a' });
  expect((await call(gate, '/tenants/acme/delete', {})).json).toEqual({ name: 'acme', deleted: true });
  expect((await call(gate, '/entries')).json.entries).toEqual([]);
  expect(await get(gate, 'acme.example', '/a')).toMatchObject({ text: 'file 1 /a' });
  expect(file.asked).toEqual(['acme.example/a']);
  expect(await call(gate, '/entries', undefined, tokens.acme)).toMatchObject({ status: 401 });
});

test('tenants and their tokens are there after a restart, and over a reload of the file', async () => {
  const [file, acme] = [await startSite('file'), await startSite('acme')];
  const disk = { path: tempFolder() };
  const first = await start(file, { disk });
  const token = await create(first, 'acme', acme);
  await get(first, 'acme.example', '/a');
  await first.close({ grace: 0 });
  const second = await start(file, { disk });
  expect((await get(second, 'acme.example', '/a')).cache).toContain('hit');
  expect((await call(second, '/entries', undefined, token)).json.entries).toHaveLength(1);
  const raw = { listen: { port: 0 }, admin: { port: 0, token: OPERATOR }, disk };
  const named = resolveConfig({
    ...raw,
    origins: { api: { url: file.url } },
    routes: [{ match: { host: 'acme.example' } }],
  });
  await expect(second.reload(named)).rejects.toThrow(
    /acme\.example, which route route-1 of the configuration file has/,
  );
  await second.reload(resolveConfig({ ...raw, origins: { api: { url: file.url } }, routes: [{ ttl: '1m' }] }));
  expect((await get(second, 'acme.example', '/a')).cache).toContain('hit');
});

test('what cannot stand is refused, and changes nothing', async () => {
  const { gate, acme } = await twoTenants();
  const spec = { name: 'new', hosts: ['new.example'], origins: { api: { url: acme.url } } };
  const refusals: readonly (readonly [object, RegExp])[] = [
    [{ hosts: ['blue.example'] }, /expected hosts of its own, got blue\.example/],
    [{ name: 'a b' }, /name: expected a name/],
    [{ name: 'acme' }, /expected the name of a new tenant/],
    [{ origins: {} }, /expected at least one origin/],
    [{ origins: { api: { url: 'ftp://x' } } }, /origins\.api\.url: expected an http: or https: URL/],
    [{ routes: [{ match: { host: 'other.example' } }] }, /routes\[0\]\.match\.host: expected one of new\.example/],
    [{ routes: [{ tenant: 'acme' }] }, /routes\[0\]\.tenant: expected none/],
    [{ quota: {} }, /quota: unknown key/],
    [{ expiresIn: 'soon' }, /expected a duration up to 400 days/],
  ];
  for (const [wrong, message] of refusals) {
    const { status, json } = await call(gate, '/tenants', { ...spec, ...wrong });
    expect(json.error.message).toMatch(message);
    expect(status).toBe(400);
  }
  expect((await call(gate, '/tenants')).json.tenants).toHaveLength(2);
  expect(await call(gate, '/tenants/none')).toMatchObject({ status: 404 });
});

test('without a disk the refusal names the mend', async () => {
  const file = await startSite('file');
  const gate = await start(file);
  const { status, json } = await call(gate, '/tenants', {
    name: 'a',
    hosts: ['a.example'],
    origins: { api: { url: file.url } },
  });
  expect(status).toBe(400);
  expect(json.error.message).toMatch(/set disk\.path in the configuration/);
});

test('beyond its requests a second a tenant gets 429, and others go on', async () => {
  const { gate } = await twoTenants();
  await call(gate, '/tenants/acme', { quotas: { requestsPerSecond: 2 } });
  const answers = await Promise.all(Array.from({ length: 5 }, (_, at) => get(gate, 'acme.example', `/${at}`)));
  const limited = answers.filter(({ status }) => status === 429);
  expect(limited.length).toBeGreaterThanOrEqual(2);
  expect(Number(limited[0]?.fields['retry-after'])).toBe(1);
  expect(await get(gate, 'blue.example', '/a')).toMatchObject({ status: 200 });
  expect((await call(gate, '/tenants/acme')).json.figures.limited).toBe(limited.length);
});

test('metrics are told by tenant, and its log lines name it', async () => {
  const lines: string[] = [];
  const [file, acme] = [await startSite('file'), await startSite('acme')];
  const log = pino({ level: 'info' }, { write: (line: string) => void lines.push(line) });
  const gate = await start(file, { disk: { path: tempFolder() } }, log);
  await create(gate, 'acme', acme);
  await get(gate, 'acme.example', '/a');
  await get(gate, 'other.example', '/a');
  const response = await fetch(`${gate.adminUrl}/metrics`, { headers: { authorization: `Bearer ${OPERATOR}` } });
  const text = await response.text();
  expect(text).toContain('tidegate_tenant_requests_total{tenant="acme"} 1');
  expect(text).toMatch(/tidegate_tenant_memory_bytes\{tenant="acme"\} [1-9]/);
  const access = lines.map((line) => JSON.parse(line)).filter((line) => 'bytes' in line);
  expect(access.map(({ host, tenant }) => [host, tenant])).toEqual([
    ['acme.example', 'acme'],
    ['other.example', undefined],
  ]);
});

test('the commands provision a tenant from beginning to end', async () => {
  const [file, acme] = [await startSite('file'), await startSite('acme')];
  const gate = await start(file, { disk: { path: tempFolder() } });
  const cli = (...args: string[]) => {
    const [name = '', ...rest] = args;
    return runCommand([TENANT], ['tenant', name, ...rest, '--admin', gate.adminUrl, '--token', OPERATOR]);
  };
  const created = await cli('create', 'acme', '--host', 'acme.example', '--origin', acme.url, '--requests', '100');
  expect(created).toMatchObject({ code: 0, err: '' });
  expect(created.out).toMatch(
    /^acme {2}active {2}acme\.example\ntoken \w+: read, invalidate, configure, until .*\ntgt_/,
  );
  expect(await get(gate, 'acme.example', '/a')).toMatchObject({ text: 'acme 1 /a' });
  expect((await cli('list')).out).toBe('acme  active  acme.example');
  expect(JSON.parse((await cli('show', 'acme', '--json')).out)).toMatchObject({
    quotas: { requestsPerSecond: 100 },
    figures: { requests: { miss: 1 } },
  });
  const tag = ['--tag', 'news', '--admin', gate.adminUrl, '--token', OPERATOR];
  expect((await runCommand(ADMIN_COMMANDS, ['invalidate', ...tag])).out).toMatch(
    /^invalidated: 0 entries matched.*\ntags of tenants .*\/tenants\/acme reaches those of acme$/,
  );
  await cli('update', 'acme', '--host', 'acme.example', '--host', '*.acme.example');
  expect(await get(gate, 'www.acme.example', '/a')).toMatchObject({ text: 'acme 1 /a' });
  expect((await cli('suspend', 'acme')).out).toContain('suspended');
  await cli('resume', 'acme');
  expect((await cli('rotate-token', 'acme')).out).toMatch(/\ntgt_/);
  expect((await cli('audit', 'acme')).out).toContain('operator  rotate-token 200');
  expect((await cli('delete', 'acme')).out).toBe('deleted acme');
  expect((await cli('update', 'acme')).code).toBe(2);
  expect(await cli('show', 'acme')).toMatchObject({ code: 1, err: 'E_ADMIN: expected the name of a tenant, got acme' });
});
