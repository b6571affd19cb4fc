import { describe, expect, it } from 'vitest';
import { FRESH, gateBench } from '../kit/gate-bench.ts';

describe('collapsed forwarding', () => {
  it('serves all who wait from one fill, as it arrives', () => {
    const { get, origin } = gateBench();
    const clients = [get('/a'), get('/a'), get('/a')];
    expect(origin.count).toBe(1);
    origin.last.head(200, FRESH).data('one');
    expect(clients.map((client) => client.text)).toEqual(['one', 'one', 'one']);
    const late = get('/a');
    expect(late.text).toBe('one');
    origin.last.data(' two').end();
    expect([...clients, late].map((client) => client.text)).toEqual(Array(4).fill('one two'));
    expect(late.outcome?.collapsed).toBe(true);
  });

  it('lets no slow or gone client hold up the others', () => {
    const { ask, get, origin } = gateBench();
    const slow = ask({ path: '/a', paused: true });
    const gone = get('/a');
    const quick = get('/a');
    origin.last.head(200, FRESH).data('x'.repeat(1_000_000));
    gone.leave();
    origin.last.data('y').end();
    expect(origin.last.paused).toBe(false);
    expect(quick.state).toBe('done');
    slow.read();
    expect(slow.text.length).toBe(1_000_001);
  });

  it('paces a passed body by its reader', () => {
    const { ask, origin } = gateBench({ maxBodyBytes: 1000 });
    const slow = ask({ path: '/a', paused: true });
    origin.last.head(200, FRESH).data('x'.repeat(300_000));
    expect(origin.last.paused).toBe(true);
    slow.read();
    expect(origin.last.paused).toBe(false);
    origin.last.data('y').end();
    expect([slow.text.length, slow.state]).toEqual([300_001, 'done']);
  });

  it('cuts a reader loose that falls a window behind another', () => {
    const { ask, get, origin } = gateBench({ maxBodyBytes: 1000 });
    const slow = ask({ path: '/a', paused: true });
    const quick = get('/a');
    origin.last.head(200, FRESH);
    for (let sent = 0; sent < 50; sent++) origin.last.data('x'.repeat(100_000));
    origin.last.end();
    slow.read();
    expect([slow.state, quick.state, quick.text.length]).toEqual(['failed', 'done', 5_000_000]);
  });

  it('gives nobody else an answer that may not be stored, and does not make them queue', () => {
    const { get, origin } = gateBench();
    const clients = [get('/a'), get('/a'), get('/a')];
    origin.last.answer(200, ['cache-control', 'private'], 'mine');
    expect(origin.count).toBe(3);
    expect(clients.map((client) => client.state)).toEqual(['done', 'waiting', 'waiting']);
    get('/a');
    expect(origin.count).toBe(4);
  });

  it('gives each variant its own', () => {
    const { get, origin } = gateBench();
    const first = get('/a', ['accept-language', 'de']);
    const second = get('/a', ['accept-language', 'en']);
    origin.last.answer(200, [...FRESH, 'vary', 'Accept-Language'], 'Hallo');
    expect([first.text, second.state]).toEqual(['Hallo', 'waiting']);
    origin.last.answer(200, [...FRESH, 'vary', 'Accept-Language'], 'Hello');
    expect(second.text).toBe('Hello');
    expect([get('/a', ['accept-language', 'de']).text, get('/a', ['accept-language', 'en']).text]).toEqual([
      'Hallo',
      'Hello',
    ]);
    expect(origin.count).toBe(2);
  });

  it('tells all who wait of a failure', () => {
    const { get, origin } = gateBench();
    const clients = [get('/a'), get('/a')];
    origin.last.fail('E_ORIGIN_TIMEOUT');
    expect(clients.map((client) => client.status)).toEqual([504, 504]);
    expect(origin.count).toBe(1);
  });
});

describe('joining and invalidation', () => {
  it('starts a fill of its own for who comes after an invalidation of the URL', async () => {
    const { get, gate, origin } = gateBench();
    const before = get('/a');
    await gate.invalidate({ kind: 'url', uri: 'http://example.org/a' });
    const after = get('/a');
    expect(origin.count).toBe(2);
    origin.forwarded[0]?.answer(200, FRESH, 'old');
    expect([before.text, after.state]).toEqual(['old', 'waiting']);
    origin.forwarded[1]?.answer(200, FRESH, 'new');
    expect([after.text, get('/a').text]).toEqual(['new', 'new']);
  });

  it('asks again at the landing when only the tags show that the fill was too early', async () => {
    const { get, gate, origin } = gateBench();
    get('/a');
    await gate.invalidate({ kind: 'tag', tag: 'users' });
    const after = get('/a');
    expect(origin.count).toBe(1);
    origin.last.answer(200, [...FRESH, 'cache-tag', 'users'], 'old');
    expect([after.state, origin.count]).toEqual(['waiting', 2]);
    origin.last.answer(200, [...FRESH, 'cache-tag', 'users'], 'new');
    expect([after.text, get('/a').text]).toEqual(['new', 'new']);
  });

  it('joins a fill that an invalidation since does not concern', async () => {
    const { get, gate, origin } = gateBench();
    get('/a');
    await gate.invalidate({ kind: 'tag', tag: 'orders' });
    const after = get('/a');
    origin.last.answer(200, [...FRESH, 'cache-tag', 'users'], 'one');
    expect([after.text, origin.count, get('/a').text]).toEqual(['one', 1, 'one']);
  });

  it('has no regard to what was invalidated before of others, where what it joined is outdated later', async () => {
    const askedWhile = async (before: readonly string[], then: string) => {
      const { get, gate, origin } = gateBench();
      get('/a');
      for (const tag of before) await gate.invalidate({ kind: 'tag', tag });
      const joined = get('/a');
      await gate.invalidate({ kind: 'tag', tag: then });
      origin.last.answer(200, [...FRESH, 'cache-tag', 'users'], 'one');
      return [joined.state, origin.count];
    };
    expect(await askedWhile([], 'users')).toEqual(['done', 1]);
    expect(await askedWhile(['orders'], 'users')).toEqual(['done', 1]);
    expect(await askedWhile(['orders', 'users'], 'users')).toEqual(['waiting', 2]);
    expect(await askedWhile(['users', 'orders'], 'users')).toEqual(['waiting', 2]);
  });
});

describe('what may be shared', () => {
  it('a joiner with a condition gets a 304, though the leader had none', () => {
    const { get, origin } = gateBench();
    get('/a');
    const second = get('/a', ['if-none-match', '"1"']);
    origin.last.answer(200, [...FRESH, 'etag', '"1"'], 'one');
    expect(second.status).toBe(304);
  });

  it('an answer not stored because a write is under way still serves those who waited for it', () => {
    const { ask, get, origin } = gateBench();
    ask({ method: 'PUT', path: '/a' });
    const clients = [get('/a'), get('/a'), get('/a')];
    origin.last.answer(200, FRESH, 'one');
    expect([...clients.map((client) => client.text), origin.count]).toEqual(['one', 'one', 'one', 2]);
  });

  it('an answer not stored still serves those who waited, though the first to be told needs none of its body', () => {
    const { ask, get, origin } = gateBench();
    ask({ method: 'PUT', path: '/a' });
    const knows = get('/a', ['if-none-match', '"1"']);
    const others = [get('/a'), get('/a')];
    origin.last.answer(200, [...FRESH, 'etag', '"1"'], 'one');
    expect([knows.status, ...others.map(({ text, state }) => `${text} ${state}`)]).toEqual([
      304,
      'one done',
      'one done',
    ]);
  });

  it('a fill under way that a tag invalidation made too old is not joined by many in vain', async () => {
    const { get, gate, origin } = gateBench();
    get('/a');
    origin.last.head(200, [...FRESH, 'cache-tag', 'users']).data('o');
    await gate.invalidate({ kind: 'tag', tag: 'users' });
    for (let at = 0; at < 20; at++) get('/a');
    expect(origin.count).toBe(2);
  });

  it('what an authorised client learns by a 304 is for that client alone', () => {
    const { get, origin, time } = gateBench();
    get('/a');
    origin.last.answer(200, ['cache-control', 'max-age=10', 'etag', '"1"'], 'one');
    time.advance(20_000);
    const alice = get('/a', ['authorization', 'Bearer alice']);
    origin.last.answer(304, ['etag', '"1"', 'x-secret', 'of alice']);
    expect([alice.text, alice.field('x-secret')]).toEqual(['one', 'of alice']);
    const bob = get('/a');
    origin.last.answer(304, ['etag', '"1"']);
    expect([bob.text, bob.field('x-secret')]).toEqual(['one', undefined]);
  });
});

it.each([['no-cache'], ['max-age=0']])(
  'reloads with %s wait for one answer of the origin, until its head is there',
  (directive) => {
    const { get, origin } = gateBench();
    get('/a');
    origin.last.answer(200, [...FRESH, 'etag', '"1"'], 'one');
    const reload = () => get('/a', ['cache-control', directive]);
    const early = [reload(), reload(), reload()];
    expect(origin.count).toBe(2);
    const first = origin.last.head(200, [...FRESH, 'etag', '"2"']);
    const later = [reload(), reload()];
    expect(origin.count).toBe(3);
    first.data('two').end();
    origin.last.answer(200, [...FRESH, 'etag', '"3"'], 'three');
    expect([...early, ...later].map(({ text }) => text)).toEqual(['two', 'two', 'two', 'three', 'three']);
    const last = [reload(), reload()];
    origin.last.answer(304, ['etag', '"3"']);
    expect([last.map(({ text }) => text), origin.count]).toEqual([['three', 'three'], 4]);
  },
);
