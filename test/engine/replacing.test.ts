import { describe, expect, it } from 'vitest';
import { Client } from '../kit/clients.ts';
import { FRESH, gateBench } from '../kit/gate-bench.ts';

const RELOAD = ['cache-control', 'no-cache'] as const;

describe('what the origin has just denied', () => {
  it.each([
    [404, []],
    [410, []],
    [200, ['cache-control', 'no-store']],
    [301, ['cache-control', 'private', 'location', '/b']],
  ] as const)('is not served again: %i %o', (status, fields) => {
    const { get, origin } = gateBench();
    get('/a');
    origin.last.answer(200, FRESH, 'one');
    get('/a', RELOAD);
    origin.last.answer(status, fields, 'else');
    expect(get('/a').state).toBe('waiting');
  });

  it('stays when the error is one of the moment, or the answer was for one client', () => {
    const { get, origin } = gateBench();
    get('/a');
    origin.last.answer(200, FRESH, 'one');
    get('/a', RELOAD);
    origin.last.answer(503, []);
    get('/a', [...RELOAD, 'authorization', 'Bearer alice']);
    origin.last.answer(200, FRESH, 'for alice');
    expect(get('/a').text).toBe('one');
  });
});

describe('fills that overtake each other', () => {
  it('leave what was sent last', () => {
    const { get, origin } = gateBench();
    get('/a', ['range', 'bytes=0-100']);
    const slow = origin.last;
    get('/a');
    origin.last.answer(200, FRESH, 'new');
    slow.answer(200, FRESH, 'old');
    expect(get('/a').text).toBe('new');
  });

  it('leave the good answer that came before a slow error', () => {
    const { get, origin } = gateBench();
    get('/a');
    const slow = origin.last;
    get('/a', ['range', 'bytes=0-100']);
    origin.last.answer(200, FRESH, 'good');
    slow.answer(503, FRESH, 'sorry');
    expect(get('/a').text).toBe('good');
  });

  it('let a HEAD freshen only the response it was about', () => {
    const { ask, get, origin, time } = gateBench();
    get('/a');
    origin.last.answer(200, ['cache-control', 'max-age=10', 'etag', '"1"'], 'one');
    time.advance(20_000);
    ask({ method: 'HEAD', path: '/a' });
    const head = origin.last;
    get('/a');
    origin.last.answer(200, [...FRESH, 'etag', '"2"'], 'two');
    head.head(200, ['cache-control', 'max-age=100', 'etag', '"1"']).end();
    expect(get('/a').text).toBe('two');
  });
});

describe('a route', () => {
  it('that removes tag fields still hears them', async () => {
    const { ask, get, gate, origin, route } = gateBench();
    const remove = new Set(['surrogate-key', 'cache-group-invalidation', 'location']);
    Object.assign(route, { responseFields: { remove, set: [] } });
    for (const path of ['/a', '/b']) {
      get(path);
      origin.last.answer(200, [...FRESH, 'surrogate-key', path, 'cache-groups', '"g"'], 'one');
    }
    await gate.invalidate({ kind: 'tag', tag: '/a' });
    expect([get('/a').state, get('/b').state]).toEqual(['waiting', 'done']);
    ask({ method: 'PUT', path: '/c' });
    origin.last.answer(204, ['cache-group-invalidation', '"g"']);
    expect(get('/b').state).toBe('waiting');
  });

  it('that has been retired stores nothing more', () => {
    const { get, gate, origin, route } = gateBench();
    let retired = false;
    Object.assign(route, { retired: () => retired });
    get('/a');
    retired = true;
    origin.last.answer(200, FRESH, 'by old rules');
    expect(gate.stats().refusedStores).toEqual({ 'route-retired': 1 });
    expect(get('/a').state).toBe('waiting');
  });
});

describe('a fill that was sent by rules which a reload has replaced', () => {
  it('is joined by nobody who comes after', () => {
    const { gate, origin, route } = gateBench();
    let retired = false;
    const asked = { method: 'GET', path: '/a' };
    Client.ask(gate, { ...route, retired: () => retired }, asked);
    const [old] = [origin.last];
    retired = true;
    const client = Client.ask(gate, route, asked);
    expect(origin.count).toBe(2);
    origin.last.answer(200, FRESH, 'by new rules');
    old.answer(200, FRESH, 'by old rules');
    expect([client.text, Client.ask(gate, route, asked).text]).toEqual(['by new rules', 'by new rules']);
  });
});

describe('variants', () => {
  it('are gone when a response without Vary takes their place', async () => {
    const { get, gate, origin, memory } = gateBench();
    for (const language of ['de', 'en']) {
      get('/a', ['accept-language', language]);
      origin.last.answer(200, [...FRESH, 'vary', 'accept-language'], language);
    }
    get('/a', ['accept-language', 'fr']);
    origin.last.answer(200, FRESH, 'for all');
    await Promise.resolve();
    expect(memory.stats().entries).toBe(1);
    expect((await gate.purge({ kind: 'url', uri: 'http://example.org/a' })).matched).toBe(1);
  });
});

describe('stale-if-error', () => {
  it('is judged when it is served, not when the origin was asked', () => {
    const { get, origin, time } = gateBench();
    get('/a');
    origin.last.answer(200, ['cache-control', 'max-age=10, stale-if-error=5'], 'one');
    time.advance(12_000);
    const client = get('/a');
    time.advance(60_000);
    origin.last.fail('E_ORIGIN_TIMEOUT');
    expect(client.status).toBe(504);
  });
});
