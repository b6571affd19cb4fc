import { describe, expect, it } from 'vitest';
import type { Gate, Route } from '../../src/engine/contract.ts';
import type { Store } from '../../src/ports.ts';
import { createMemoryStore } from '../../src/store/memory.ts';
import { Client, requestOf } from '../kit/clients.ts';
import { FRESH, gateBench } from '../kit/gate-bench.ts';

const URI = 'http://example.org';

describe('invalidate', () => {
  it.each([
    [{ kind: 'url', uri: `${URI}/a/1` }, ['/a/1']],
    [{ kind: 'tag', tag: 'one' }, ['/a/1', '/b/1']],
    [{ kind: 'prefix', prefix: `${URI}/a/` }, ['/a/1', '/a/2']],
    [{ kind: 'pattern', pattern: '*/1' }, ['/a/1', '/b/1']],
    [{ kind: 'origin', origin: 'api' }, ['/a/1', '/a/2', '/b/1']],
    [{ kind: 'all' }, ['/a/1', '/a/2', '/b/1']],
  ] as const)('%o reaches just what it names, and says how many', async (selector, named) => {
    const { get, gate, origin } = gateBench();
    const paths = ['/a/1', '/a/2', '/b/1'];
    for (const path of paths) {
      get(path);
      origin.last.answer(200, [...FRESH, 'cache-tag', path.endsWith('1') ? 'one' : 'two'], 'old');
    }
    const result = await gate.invalidate(selector);
    expect(result).toEqual({ position: 1, matched: named.length });
    const waiting = paths.filter((path) => get(path).state === 'waiting');
    expect(waiting).toEqual(named);
  });

  it('reaches every variant of a URL', async () => {
    const { get, gate, origin } = gateBench();
    for (const language of ['de', 'en']) {
      get('/a', ['accept-language', language]);
      origin.last.answer(200, [...FRESH, 'vary', 'accept-language'], language);
    }
    expect((await gate.invalidate({ kind: 'url', uri: `${URI}/a` })).matched).toBe(2);
    expect(get('/a', ['accept-language', 'de']).state).toBe('waiting');
  });

  it('is in force and says so though a tier cannot be searched', async () => {
    const memory = createMemoryStore({ maxBytes: 1024 ** 2 });
    const broken: Store = {
      get: () => undefined,
      put: () => {},
      delete: () => 0,
      find: () => {
        throw new Error('a damaged manifest');
      },
    };
    const faults: unknown[] = [];
    const parts = { stores: [memory, broken], fault: (error: unknown) => faults.push(error) };
    const { get, gate, origin } = gateBench({}, parts);
    get('/a');
    origin.last.answer(200, FRESH, 'old');
    expect(await gate.invalidate({ kind: 'pattern', pattern: '*' })).toMatchObject({ position: 1, more: true });
    expect(get('/a').state).toBe('waiting');
    expect(faults).toEqual([new Error('a damaged manifest')]);
  });

  it('keeps the entry for validation; purge removes it', async () => {
    const { get, gate, origin, memory } = gateBench();
    get('/a');
    origin.last.answer(200, [...FRESH, 'etag', '"1"'], 'one');
    await gate.invalidate({ kind: 'all' });
    get('/a');
    expect(origin.last.field('if-none-match')).toBe('"1"');
    origin.last.answer(304, ['etag', '"1"']);
    expect(get('/a').text).toBe('one');
    expect((await gate.purge({ kind: 'all' })).matched).toBe(1);
    expect(memory.stats().entries).toBe(0);
  });
});

describe('list and explain', () => {
  it('lists by page in the order of keys', async () => {
    const { get, gate, origin } = gateBench();
    for (const path of ['/c', '/a', '/b']) {
      get(path);
      origin.last.answer(200, FRESH, path);
    }
    const first = await gate.list({ limit: 2 });
    expect(first.entries.map(({ uri }) => uri)).toEqual([`${URI}/a`, `${URI}/b`]);
    const second = await gate.list({ limit: 2, after: first.next as string });
    expect([second.entries.map(({ uri }) => uri), second.next]).toEqual([[`${URI}/c`], undefined]);
  });

  it('explains a hit, an outdated entry and a refusal', async () => {
    const { get, gate, origin, route, time } = gateBench();
    const asked = { route, method: 'GET', uri: `${URI}/a`, fields: [], bypass: false };
    get('/a');
    origin.last.answer(200, FRESH, 'one');
    time.advance(10_000);
    const fresh = await gate.explain(asked);
    expect(fresh).toMatchObject({
      verdict: 'serve',
      section: 'RFC 9111 §4.2',
      freshness: { lifetimeMs: 3_600_000, ageMs: 10_000 },
    });
    await gate.invalidate({ kind: 'url', uri: `${URI}/a` });
    const outdated = await gate.explain(asked);
    expect(outdated).toMatchObject({ verdict: 'validate', position: { applied: 1, lastInvalidation: 1 } });
    get('/b');
    origin.last.answer(200, ['cache-control', 'no-store'], 'two');
    const refused = await gate.explain({ ...asked, uri: `${URI}/b` });
    const write = await gate.explain({ ...asked, method: 'PUT' });
    expect(write).toMatchObject({ verdict: 'forward', section: 'RFC 9111 §4' });
    expect(await gate.explain({ ...asked, bypass: true })).toMatchObject({ verdict: 'forward' });
    expect(refused).toMatchObject({ verdict: 'forward', lastRefusal: { reason: expect.stringContaining('no-store') } });
  });
});

describe('statistics', () => {
  it('count each exchange once', () => {
    const { get, gate, origin } = gateBench();
    get('/a');
    origin.last.answer(200, FRESH, 'one');
    get('/a');
    get('/b', ['cache-control', 'only-if-cached']);
    const { requests, forwards, stores } = gate.stats();
    expect([requests.miss, requests.hit, requests.refused, forwards['uri-miss'], stores]).toEqual([1, 1, 1, 1, 1]);
  });
});

describe('a request that a look-up alone does not answer', () => {
  const asking = { method: 'GET', path: '/a' };

  it('is handled from that look-up on', async () => {
    const memory = createMemoryStore({ maxBytes: 1024 ** 2 });
    const asked: string[] = [];
    const counted: Store = {
      get: (key) => {
        asked.push(key);
        return memory.get(key);
      },
      put: (entry) => memory.put(entry),
      delete: (keys) => memory.delete(keys),
      find: (selector) => memory.find(selector),
    };
    const { gate, route, origin } = gateBench({}, { stores: [counted] });
    const found = await gate.answerAtOnce(requestOf(route, asking));
    const client = askWith(gate, route, found);
    expect([found.kind, asked.length, origin.count, client.state]).toEqual(['unanswered', 1, 1, 'waiting']);
  });

  it('is not served what was invalidated since, though it is stale within its leave', async () => {
    const { get, gate, route, origin, time } = gateBench();
    get('/a');
    origin.last.answer(200, ['cache-control', 'max-age=10, stale-while-revalidate=100'], 'old');
    time.advance(11_000);
    const found = await gate.answerAtOnce(requestOf(route, asking));
    expect(found).toMatchObject({ kind: 'unanswered', selection: { entry: { kind: 'response' } } });
    await gate.invalidate({ kind: 'url', uri: `${URI}/a` });
    const client = askWith(gate, route, found);
    expect(client.state).toBe('waiting');
    origin.last.answer(200, FRESH, 'new');
    expect(client.text).toBe('new');
  });

  it('joins no fill that an invalidation since has overtaken', async () => {
    const { get, gate, route, origin } = gateBench();
    const early = get('/a');
    const fill = origin.last;
    const found = await gate.answerAtOnce(requestOf(route, asking));
    await gate.invalidate({ kind: 'url', uri: `${URI}/a` });
    const client = askWith(gate, route, found);
    expect(origin.count).toBe(2);
    origin.last.answer(200, FRESH, 'new');
    fill.answer(200, FRESH, 'old');
    expect([early.text, client.text, get('/a').text]).toEqual(['old', 'new', 'new']);
  });
});

function askWith(gate: Gate, route: Route, found: Awaited<ReturnType<Gate['answerAtOnce']>>): Client {
  if (found.kind !== 'unanswered') throw new Error('expected no answer, got one');
  const handing: Gate = { ...gate, handle: (request, responder) => gate.handle(request, responder, found) };
  return Client.ask(handing, route, { method: 'GET', path: '/a' });
}
