// The keeper as a Durable Object in workerd: two Workers share it, an instance of it ends, its alarm comes.

import { fileURLToPath } from 'node:url';
import { Miniflare } from 'miniflare';
import { rolldown } from 'rolldown';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

type Name = 'a' | 'b' | 'hasty';

let worker: Miniflare;

beforeAll(async () => {
  const bundle = await rolldown({
    input: fileURLToPath(new URL('coordinator-app.ts', import.meta.url)),
    platform: 'browser',
    external: ['cloudflare:workers'],
    logLevel: 'silent',
  });
  const { output } = await bundle.generate({ format: 'esm' });
  expect(output[0].code).not.toContain('node:');
  const common = { modules: true, script: output[0].code, compatibilityDate: '2026-06-01' };
  const own = (className: string) => ({ durableObjects: { LOG: { className, scriptName: 'a', useSQLite: true } } });
  worker = new Miniflare({
    workers: [
      { ...common, ...own('Coordinator'), name: 'a', bindings: { NAME: 'a' } },
      { ...common, ...own('Coordinator'), name: 'b', bindings: { NAME: 'b' } },
      { ...common, ...own('Hasty'), name: 'hasty', bindings: { NAME: 'hasty' } },
    ],
  });
  await worker.ready;
}, 60_000);

afterAll(() => worker?.dispose());

async function ask(name: Name, path: string): Promise<unknown> {
  const { fetch } = (await worker.getWorker(name)) as unknown as { fetch(url: string): Promise<Response> };
  const response = await fetch(`http://app.example${path}`);
  const { value, error } = (await response.json()) as { readonly value?: unknown; readonly error?: string };
  if (error !== undefined) throw new Error(error);
  return value;
}

const append = (name: Name, change: unknown) =>
  ask(name, `/append?change=${encodeURIComponent(JSON.stringify(change))}`);
const tag = (name: string) => ({ kind: 'invalidate', selector: { kind: 'tag', tag: name } });

describe('a Durable Object keeps the log', { timeout: 30_000 }, () => {
  test('an append is acknowledged when the other member has no lease any more, or knows of it', async () => {
    expect(await ask('a', '/renew')).toBe(true);
    expect(await ask('b', '/renew')).toBe(true);
    const begun = performance.now();
    expect(await append('a', tag('x'))).toBe(1);
    expect(performance.now() - begun).toBeGreaterThan(500);
    expect(await ask('b', '/leased')).toBe(false);
    await ask('b', '/renew');
    expect(await ask('b', '/heard')).toEqual([`1 ${JSON.stringify(tag('x'))}`]);
    expect(await ask('a', '/position')).toBe(await ask('b', '/position'));
  });

  test('an instance that ends loses no change, and its leases are waited for', async () => {
    await ask('b', '/renew');
    expect(await ask('a', '/restart')).toBe('restarted');
    const begun = performance.now();
    expect(await append('a', tag('y'))).toBe(2);
    expect(performance.now() - begun).toBeGreaterThan(500);
    for (let at = 0; at < 50; at++) await append('a', { kind: 'open', intent: `i${at}`, uri: `u${at}` });
    await ask('a', '/restart');
    await ask('b', '/renew');
    const heard = (await ask('b', '/heard')) as readonly string[];
    expect(heard.slice(1)).toEqual([
      `2 ${JSON.stringify(tag('y'))}`,
      ...Array.from(
        { length: 50 },
        (_, at) => `2 ${JSON.stringify({ kind: 'open', intent: `i${at}`, uri: `u${at}` })}`,
      ),
    ]);
    expect(await ask('a', '/position')).toBe(await ask('b', '/position'));
  });

  test('what it refuses is told with its reason, and changes nothing', async () => {
    await ask('a', '/renew');
    const before = await ask('a', '/position');
    const unknown = append('a', { kind: 'invalidate', selector: { kind: 'planet', name: 'x' } });
    await expect(unknown).rejects.toThrow(/expected a known kind of selector, got "planet"/);
    expect(await ask('a', '/leased')).toBe(false);
    const open = append('a', { kind: 'open', intent: 'i', uri: 'u'.repeat(40_000) });
    await expect(open).rejects.toThrow(/expected a URI, of at most 32768 characters/);
    expect(await ask('b', '/renew')).toBe(true);
    expect(await ask('b', '/position')).toBe(before);
  });

  test('its alarm ends the write of a member that has vanished', async () => {
    await ask('hasty', '/renew');
    expect(await append('hasty', { kind: 'open', intent: 'i', uri: 'u' })).toBe(0);
    const url = JSON.stringify({ kind: 'invalidate', selector: { kind: 'url', uri: 'u' } });
    const expected = [
      '0 {"kind":"open","intent":"i","uri":"u"}',
      `1 ${url}`,
      `2 ${url}`,
      '2 {"kind":"close","intent":"i"}',
    ];
    const heard = async () => {
      await ask('hasty', '/renew');
      return ask('hasty', '/heard');
    };
    await expect.poll(heard, { timeout: 10_000, interval: 50 }).toEqual(expected);
  });

  test('a log of a newer format is refused, and left as it is', async () => {
    await ask('a', '/format?format=3');
    await ask('a', '/restart');
    const message = /expected a log of format 2 or older, got format 3/;
    await expect(ask('b', '/renew')).rejects.toThrow(message);
    await expect(append('b', tag('z'))).rejects.toThrow(message);
    await ask('a', '/format?format=2');
    await ask('a', '/restart');
    expect(await ask('b', '/renew')).toBe(true);
  });
});
