// When the intent of a write opens: right before its first byte goes to the origin.

import { describe, expect, it, test } from 'vitest';
import { FRESH, gateBench } from '../kit/gate-bench.ts';
import { turns } from '../kit/slow-log.ts';

describe('a write that has not been sent', () => {
  function waiting() {
    const bench = gateBench();
    bench.origin.tellsSending = true;
    const client = bench.ask({ method: 'PUT', path: '/a', body: 'x' });
    return { ...bench, client, write: bench.origin.last };
  }

  it('keeps nothing out of the cache, and does so from its first byte on', () => {
    const { get, gate, origin, write } = waiting();
    get('/a');
    origin.last.answer(200, FRESH, 'one');
    expect(get('/a').text).toBe('one');
    write.request.beforeSending?.();
    expect(gate.stats().intentsOpen).toBe(1);
    get('/a', ['cache-control', 'no-cache']);
    write.answer(204);
    get('/a');
    origin.last.answer(200, FRESH, 'two');
    expect(get('/a').text).toBe('two');
    expect(gate.stats().intentsOpen).toBe(0);
  });

  it('has not stored what was read before it was sent and came after', () => {
    const { get, origin, write } = waiting();
    get('/a');
    const read = origin.last;
    write.request.beforeSending?.();
    read.answer(200, FRESH, 'old');
    write.answer(204);
    expect(get('/a').state).toBe('waiting');
  });

  it.each(['E_ABANDONED', 'E_ORIGIN_RESET', 'E_ORIGIN_TIMEOUT'] as const)('has changed nothing after %s', (code) => {
    const { get, gate, origin, write } = waiting();
    get('/a');
    origin.last.answer(200, FRESH, 'one');
    write.fail(code);
    expect(gate.stats()).toMatchObject({ intentsOpen: 0, position: 0 });
    expect(get('/a').text).toBe('one');
  });

  it('has changed nothing where its intent was open and no byte went out', () => {
    const { get, gate, origin, write } = waiting();
    get('/a');
    origin.last.answer(200, FRESH, 'one');
    write.request.beforeSending?.();
    write.fail('E_ORIGIN_TIMEOUT', true);
    expect(gate.stats()).toMatchObject({ intentsOpen: 0, position: 0 });
    expect(get('/a').text).toBe('one');
  });

  it.each(['E_ABANDONED', 'E_ORIGIN_RESET'] as const)('is of unknown outcome after %s once it was sent', (code) => {
    const { get, gate, origin, write } = waiting();
    get('/a');
    origin.last.answer(200, FRESH, 'one');
    write.request.beforeSending?.();
    write.fail(code);
    expect(gate.stats().intentsOpen).toBe(1);
    expect(get('/a').state).toBe('waiting');
  });
});

describe('where intents take time to be in force everywhere', () => {
  function slow({ answersUnlogged = true } = {}) {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const bench = gateBench({}, { intentsInForce: () => promise, answersUnlogged });
    const methods = () => bench.origin.forwarded.map(({ request }) => request.method);
    return { ...bench, methods, resolve, reject };
  }

  test('a write leaves after that, a read at once', async () => {
    const { ask, get, methods, resolve } = slow();
    ask({ method: 'PUT', path: '/a' });
    get('/a');
    await turns();
    expect(methods()).toEqual(['GET']);
    resolve();
    await turns();
    expect(methods()).toEqual(['GET', 'PUT']);
  });

  test('it leaves as well when the log has failed', async () => {
    const { ask, methods, reject } = slow();
    ask({ method: 'POST', path: '/a' });
    reject(new Error('the log is gone'));
    await turns();
    expect(methods()).toEqual(['POST']);
  });

  test('it is refused, and does not leave, where the log must have its intent', async () => {
    const { ask, gate, methods, reject } = slow({ answersUnlogged: false });
    const write = ask({ method: 'PUT', path: '/a' });
    reject(new Error('nobody answers'));
    await turns();
    expect(methods()).toEqual([]);
    expect(write).toMatchObject({ status: 503, text: expect.stringContaining('E_LOG') });
    expect(gate.stats()).toMatchObject({ intentsOpen: 0, position: 0 });
  });

  test('with no intent under way nothing is waited for', () => {
    const { ask, origin } = gateBench({}, { intentsInForce: () => undefined });
    ask({ method: 'PUT', path: '/a' });
    expect(origin.count).toBe(1);
  });
});
