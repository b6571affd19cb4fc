import { describe, expect, it } from 'vitest';
import { FRESH, gateBench } from '../kit/gate-bench.ts';

describe('a write through the gate', () => {
  it('invalidates its URI, Location and Content-Location before its client is answered', () => {
    const { ask, get, origin } = gateBench();
    for (const path of ['/a', '/b', '/c', '/d']) {
      get(path);
      origin.last.answer(200, FRESH, 'old');
    }
    const write = ask({ method: 'POST', path: '/a', body: 'x' });
    origin.last.answer(201, ['location', '/b', 'content-location', 'http://example.org/c']);
    expect(write.status).toBe(201);
    expect(['/a', '/b', '/c', '/d'].map((path) => get(path).state)).toEqual(['waiting', 'waiting', 'waiting', 'done']);
  });

  it('invalidates the groups the origin names', () => {
    const { ask, get, origin } = gateBench();
    get('/list');
    origin.last.answer(200, [...FRESH, 'cache-groups', '"users"'], 'old');
    ask({ method: 'PUT', path: '/a' });
    origin.last.answer(204, ['cache-group-invalidation', '"users"']);
    expect(get('/list').state).toBe('waiting');
  });

  it('invalidates the groups that its route names in the answer', () => {
    const { ask, get, origin, route } = gateBench();
    get('/list');
    origin.last.answer(200, [...FRESH, 'cache-groups', '"users"'], 'old');
    Object.assign(route, {
      responseFields: { remove: new Set(['cache-group-invalidation']), set: ['cache-group-invalidation', '"users"'] },
    });
    ask({ method: 'PUT', path: '/a' });
    origin.last.answer(204);
    expect(get('/list').state).toBe('waiting');
  });

  it('stores no answer whose tag, given by its route, was invalidated meanwhile', async () => {
    const { ask, get, gate, origin, route } = gateBench();
    Object.assign(route, { responseFields: { remove: new Set(['cache-tag']), set: ['cache-tag', 'set'] } });
    ask({ method: 'POST', path: '/a' });
    await gate.invalidate({ kind: 'tag', tag: 'set' });
    origin.last.answer(200, [...FRESH, 'content-location', '/a'], 'old');
    expect(get('/a').state).toBe('waiting');
  });

  it('invalidates nothing when the origin refuses it', () => {
    const { ask, get, origin } = gateBench();
    get('/a');
    origin.last.answer(200, FRESH, 'one');
    ask({ method: 'PUT', path: '/a' });
    origin.last.answer(409, []);
    expect(get('/a').text).toBe('one');
  });

  it('lets nothing be stored for its URI while it is under way', () => {
    const { ask, get, gate, origin } = gateBench();
    ask({ method: 'PUT', path: '/a' });
    const write = origin.last;
    get('/a');
    origin.last.answer(200, FRESH, 'old');
    expect(gate.stats().refusedStores).toEqual({ 'intent-open': 1 });
    expect(gate.stats().intentsOpen).toBe(1);
    write.answer(204);
    expect(gate.stats().intentsOpen).toBe(0);
  });

  it('does not store what was read before its answer', () => {
    const { ask, get, gate, origin } = gateBench();
    get('/a');
    const fill = origin.last;
    ask({ method: 'PUT', path: '/a' });
    origin.last.answer(204);
    fill.answer(200, FRESH, 'old');
    expect(gate.stats().refusedStores).toEqual({ 'invalidated-during-fill': 1 });
    expect(get('/a').state).toBe('waiting');
  });

  it.each(['E_ORIGIN_RESET', 'E_ORIGIN_TIMEOUT'] as const)('takes %s for a change that may still come', (code) => {
    const { ask, get, gate, origin, time } = gateBench();
    get('/a');
    origin.last.answer(200, FRESH, 'old');
    ask({ method: 'PUT', path: '/a' });
    origin.last.fail(code);
    get('/a');
    origin.last.answer(200, FRESH, 'perhaps old');
    expect(get('/a').state).toBe('waiting');
    origin.last.answer(200, FRESH, 'perhaps old');
    time.advance(31_000);
    expect(gate.stats().intentsOpen).toBe(0);
    get('/a');
    origin.last.answer(200, FRESH, 'new');
    expect(get('/a').text).toBe('new');
  });

  it('takes a 5xx for a change that may have been made, in the safe profile', () => {
    const { ask, get, origin } = gateBench();
    get('/a');
    origin.last.answer(200, FRESH, 'old');
    ask({ method: 'PUT', path: '/a' });
    origin.last.answer(500, []);
    expect(get('/a').state).toBe('waiting');
  });

  it.each([405, 501])('changes nothing when the origin answers %i: it does not take the method', (status) => {
    const { ask, get, gate, origin } = gateBench();
    get('/a');
    origin.last.answer(200, FRESH, 'one');
    ask({ method: 'BREW', path: '/a' });
    origin.last.answer(status, []);
    expect(get('/a').text).toBe('one');
    expect(gate.stats().intentsOpen).toBe(0);
    expect(gate.stats().invalidations.url).toBe(0);
  });

  it('changes nothing when the origin could not be reached', () => {
    const { ask, get, origin } = gateBench();
    get('/a');
    origin.last.answer(200, FRESH, 'one');
    ask({ method: 'PUT', path: '/a' });
    origin.last.fail('E_ORIGIN_CONNECT');
    expect(get('/a').text).toBe('one');
  });

  it('is carried through although its client has gone', () => {
    const { ask, get, origin } = gateBench();
    get('/a');
    origin.last.answer(200, FRESH, 'old');
    ask({ method: 'PUT', path: '/a' }).leave();
    expect(origin.last.aborted).toBe(false);
    origin.last.answer(204);
    expect(get('/a').state).toBe('waiting');
  });

  it('stores its own answer when that is a representation of its target (RFC 9110 §9.3.3)', () => {
    const { ask, get, origin } = gateBench();
    ask({ method: 'POST', path: '/a', body: 'x' });
    origin.last.answer(200, [...FRESH, 'content-location', 'http://example.org/a'], 'new');
    expect(get('/a').text).toBe('new');
    expect(origin.count).toBe(1);
  });

  it('does not store its own answer when another change came in between', async () => {
    const { ask, get, gate, origin } = gateBench();
    ask({ method: 'POST', path: '/a', body: 'x' });
    await gate.invalidate({ kind: 'url', uri: 'http://example.org/a' });
    origin.last.answer(200, [...FRESH, 'content-location', 'http://example.org/a'], 'perhaps old');
    expect(get('/a').state).toBe('waiting');
  });
});

describe('readers of a URL that a write keeps out of the cache', () => {
  it.each(['under way', 'of unknown outcome'])('share one fill at a time while it is %s', (what) => {
    const { ask, get, gate, origin } = gateBench();
    ask({ method: 'PUT', path: '/a' });
    if (what === 'of unknown outcome') origin.last.fail('E_ORIGIN_RESET');
    const before = origin.count;
    const readers = Array.from({ length: 20 }, () => get('/a'));
    expect(origin.count).toBe(before + 1);
    const fill = origin.last.head(200, FRESH);
    const late = get('/a');
    fill.data('read').end();
    expect(new Set([...readers, late].map(({ text }) => text))).toEqual(new Set(['read']));
    expect(origin.count).toBe(before + 1);
    expect(readers[0]?.cacheStatus).toContain('stored=?0; detail=intent-open');
    expect(gate.stats().refusedStores).toEqual({ 'intent-open': 1 });
    expect(get('/a').state).toBe('waiting');
  });

  it('share none that was read before the write was answered', () => {
    const { ask, get, origin } = gateBench();
    ask({ method: 'PUT', path: '/a' });
    const write = origin.last;
    get('/a');
    const fill = origin.last.head(200, FRESH).data('old');
    write.answer(204);
    const late = get('/a');
    fill.end();
    expect(late.state).toBe('waiting');
    origin.last.answer(200, FRESH, 'new');
    expect(late.text).toBe('new');
    expect(get('/a').text).toBe('new');
  });
});
