// Bodies on their way from a handler through the cache: as they come, no faster than they are read, whole or not at all;
// and what becomes of a handler that throws or a client that leaves.

import { describe, expect, test } from 'vitest';
import { cacheTag } from '../../src/web/fetch.ts';
import { counted, FRESH, gate, get, outcome, settle, simulated, text } from './kit.ts';

const MIB = 1024 * 1024;

async function expectBytes(response: Response, size: number): Promise<void> {
  const bytes = new Uint8Array(await response.arrayBuffer());
  expect(bytes.length).toBe(size);
  for (let at = 0; at < size; at += 64 * 1024) expect(bytes[at]).toBe((at / (64 * 1024)) % 256);
}

describe('a body', () => {
  test('too large to store is read no faster than its client reads', async () => {
    const { cache } = simulated({ memory: { maxBytes: 4 * MIB } });
    const { body, seen } = counted(5 * MIB);
    const serve = cache.wrap(() => new Response(body, { headers: FRESH }));
    const response = await serve(get('/large'));
    await settle();
    const reader = (response.body as ReadableStream<Uint8Array>).getReader();
    let bytes = 0;
    let ahead = 0;
    for (let read = await reader.read(); !read.done; read = await reader.read()) {
      bytes += read.value.length;
      await settle();
      ahead = Math.max(ahead, seen.pulled - bytes);
    }
    expect(bytes).toBe(5 * MIB);
    // Up to a quarter of the memory it might have been stored.
    expect(ahead).toBeLessThan(MIB + 512 * 1024);
    expect(cache.stats().memory.entries).toBe(0);
  });

  test('not to be stored is read no faster than its client reads', async () => {
    const { cache } = simulated();
    const { body, seen } = counted(5 * MIB);
    const serve = cache.wrap(() => new Response(body));
    const response = await serve(get('/events'));
    await settle();
    expect(seen.pulled).toBeLessThan(512 * 1024);
    await expectBytes(response, 5 * MIB);
  });

  test('to be stored is there for others whatever the first client does', async () => {
    const { cache } = simulated();
    const serve = cache.wrap(() => new Response(counted(5 * MIB).body, { headers: FRESH }));
    const slow = await serve(get('/large'));
    const fast = await serve(get('/large'));
    await expectBytes(fast, 5 * MIB);
    const hit = await serve(get('/large'));
    expect(outcome(hit)).toContain('hit');
    await expectBytes(hit, 5 * MIB);
    await expectBytes(slow, 5 * MIB);
  });

  test('is told as it comes', async () => {
    const { cache } = simulated();
    let send: ((chunk: string) => void) | undefined;
    const serve = cache.wrap(
      () =>
        new Response(
          new ReadableStream({
            start(controller) {
              send = (chunk) => controller.enqueue(new TextEncoder().encode(chunk));
            },
          }),
        ),
    );
    const response = await serve(get('/events'));
    const reader = (response.body as ReadableStream<Uint8Array>).getReader();
    for (const event of ['one', 'two']) {
      send?.(event);
      expect(new TextDecoder().decode((await reader.read()).value)).toBe(event);
    }
  });

  test('in the hands of one client is his own', async () => {
    const { cache } = simulated();
    const serve = cache.wrap(() => text('unchanged', FRESH));
    for (let times = 0; times < 3; times++) {
      const response = await serve(get('/a'));
      for await (const chunk of response.body as ReadableStream<Uint8Array>) {
        chunk.fill(0);
        structuredClone(chunk.buffer, { transfer: [chunk.buffer as ArrayBuffer] });
      }
      await settle();
    }
    expect(await (await serve(get('/a'))).text()).toBe('unchanged');
  });

  test.each([
    ['breaks off', () => cutAfter('part', new Error('gone')), {}],
    ['is shorter than it says', () => 'part', { 'content-length': '9' }],
    ['is longer than it says', () => 'part', { 'content-length': '3' }],
    ['is not of bytes', () => ReadableStream.from(['part']), {}],
  ])('that %s is seen to be broken, and is not stored', async (_, make, headers) => {
    const { cache } = simulated();
    let calls = 0;
    const serve = cache.wrap(() => {
      calls++;
      return new Response(make() as string, { headers: { ...FRESH, ...headers } });
    });
    for (let times = 0; times < 2; times++) {
      await expect(serve(get('/a')).then((response) => response.text())).rejects.toMatchObject({ code: 'E_HANDLER' });
    }
    expect([calls, cache.stats().memory.entries]).toEqual([2, 0]);
  });

  test('of a response that fetch has decoded does not say that it is coded', async () => {
    const { cache } = simulated();
    const fetched = () => {
      const response = text('plain', { ...FRESH, 'content-encoding': 'gzip', 'content-length': '20' });
      return Object.defineProperty(response, 'url', { value: 'http://other.example/' });
    };
    for (const [path, given] of Object.entries({ '/a': fetched(), '/b': cacheTag(fetched(), 'a') })) {
      const response = await cache.wrap(() => given)(get(path));
      expect([response.headers.get('content-encoding'), await response.text()]).toEqual([null, 'plain']);
    }
  });
});

describe('a handler that throws', () => {
  test('is heard of by whoever called, and by all who waited', async () => {
    const { cache } = simulated();
    const error = new Error('no database');
    const answer = gate<Response>();
    const serve = cache.wrap(async () => {
      await answer.opened;
      throw error;
    });
    const all = Promise.allSettled([serve(get('/a')), serve(get('/a'))]);
    await settle();
    answer.open(text(''));
    expect(await all).toEqual([
      { status: 'rejected', reason: error },
      { status: 'rejected', reason: error },
    ]);
  });

  test('may throw what is no error, and may give what is no answer', async () => {
    const { cache } = simulated();
    const odd = cache.wrap(() => {
      throw 'text';
    });
    await expect(odd(get('/a'))).rejects.toBe('text');
    const used = text('once');
    await used.text();
    for (const given of [Response.error(), used]) {
      await expect(cache.wrap(() => given)(get('/b'))).rejects.toBeInstanceOf(Error);
    }
    await expect(cache.wrap(() => undefined as unknown as Response)(get('/c'))).rejects.toMatchObject({
      code: 'E_HANDLER',
    });
  });

  test('is stood in for by what is stale, where a rule permits it', async () => {
    const { time, cache } = simulated();
    let broken: Error | undefined;
    const serve = cache.wrap(() => {
      if (broken !== undefined) throw broken;
      return text('good', { 'cache-control': 'max-age=60, stale-if-error=600' });
    });
    await (await serve(get('/a'))).text();
    broken = new Error('no database');
    time.advance(100_000);
    const stale = await serve(get('/a'));
    expect([stale.status, await stale.text()]).toEqual([200, 'good']);
    expect(outcome(stale)).toContain('stale-if-error');
    time.advance(600_000);
    await expect(serve(get('/a'))).rejects.toBe(broken);
  });

  test('is never stood in for by what is outdated', async () => {
    const { cache } = simulated({ staleIfError: 600_000, grace: 600_000 });
    let broken: Error | undefined;
    const serve = cache.wrap((_, context) => {
      if (broken !== undefined) throw broken;
      context.tags('users');
      return text('good', FRESH);
    });
    await (await serve(get('/a'))).text();
    broken = new Error('no database');
    await cache.invalidate({ tags: ['users'] });
    await expect(serve(get('/a'))).rejects.toBe(broken);
  });

  test('in the background is told to onFault', async () => {
    const faults: unknown[] = [];
    const { time, cache } = simulated({ staleWhileRevalidate: 600_000, onFault: (error) => void faults.push(error) });
    const error = new Error('no database');
    let calls = 0;
    const serve = cache.wrap(() => {
      if (++calls > 1) throw error;
      return text('good', FRESH);
    });
    await (await serve(get('/a'))).text();
    time.advance(61_000);
    expect(await (await serve(get('/a'))).text()).toBe('good');
    await settle();
    expect(faults).toEqual([error]);
  });

  test('in a write leaves its outcome unknown: nothing is stored for its URL for a while', async () => {
    const { time, cache } = simulated();
    let calls = 0;
    const serve = cache.wrap((request) => {
      calls++;
      if (request.method === 'PUT') throw new Error('no database');
      return text('state', FRESH);
    });
    const ask = async () => (await serve(get('/a'))).text();
    await ask();
    await expect(serve(new Request('http://app.example/a', { method: 'PUT', body: 'x' }))).rejects.toThrow();
    await ask();
    await ask();
    expect(calls).toBe(4);
    time.advance(30_000);
    await ask();
    await ask();
    expect(calls).toBe(5);
  });
});

describe('a client that leaves', () => {
  const leaving = (signal: AbortSignal) => new Request('http://app.example/a', { signal });

  test('before the answer, and what nobody could use is given up', async () => {
    const { cache } = simulated();
    let signal: AbortSignal | undefined;
    const serve = cache.wrap((request) => {
      signal = request.signal;
      return new Promise<Response>(() => undefined);
    });
    const aborter = new AbortController();
    const first = serve(new Request('http://app.example/a', { method: 'OPTIONS', signal: aborter.signal }));
    await settle();
    aborter.abort(new Error('left'));
    await expect(first).rejects.toThrow('left');
    expect(signal?.aborted).toBe(true);
  });

  test('before the answer leaves the fill to the others', async () => {
    const { cache } = simulated();
    const answer = gate<Response>();
    let signal: AbortSignal | undefined;
    const serve = cache.wrap((request) => {
      signal = request.signal;
      return answer.opened;
    });
    const aborter = new AbortController();
    const first = serve(leaving(aborter.signal));
    const second = serve(get('/a'));
    await settle();
    aborter.abort();
    await expect(first).rejects.toMatchObject({ name: 'AbortError' });
    expect(signal?.aborted).toBe(false);
    answer.open(text('for the other', FRESH));
    expect(await (await second).text()).toBe('for the other');
    await expect(serve(leaving(AbortSignal.abort()))).rejects.toMatchObject({ name: 'AbortError' });
  });

  test('in the middle of a body that is not stored ends the handler', async () => {
    const { cache } = simulated();
    const { body, seen } = counted(5 * MIB);
    let signal: AbortSignal | undefined;
    const serve = cache.wrap((request) => {
      signal = request.signal;
      return new Response(body);
    });
    const response = await serve(get('/a'));
    await response.body?.cancel();
    await settle();
    expect([seen.cancelled, signal?.aborted]).toEqual([true, true]);
    expect(seen.pulled).toBeLessThan(MIB);
  });

  test('in the middle of one that is stored does not', async () => {
    const { cache } = simulated();
    const serve = cache.wrap(() => new Response(counted(MIB).body, { headers: FRESH }));
    await (await serve(get('/a'))).body?.cancel();
    await settle();
    const hit = await serve(get('/a'));
    expect(outcome(hit)).toContain('hit');
    await expectBytes(hit, MIB);
  });
});

function cutAfter(part: string, error: Error): ReadableStream {
  let isFirst = true;
  return new ReadableStream({
    pull(controller) {
      if (isFirst) controller.enqueue(new TextEncoder().encode(part));
      else controller.error(error);
      isFirst = false;
    },
  });
}
