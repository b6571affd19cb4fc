// Handlers that fail where nobody waits, listeners that fail in turn, and results that are no promises.

import { expect, test, vi } from 'vitest';
import { body, get, outcome, settle, simulated, text } from './kit.ts';

const STALE = { 'cache-control': 'max-age=0, stale-while-revalidate=60' };

test.each<[string, () => unknown]>([
  [
    'throws',
    () => {
      throw new Error('the log is down');
    },
  ],
  ['rejects', () => Promise.reject(new Error('the log is down'))],
])('an onFault that %s leaves no refresh open', async (_name, fails) => {
  const unhandled = vi.fn();
  process.on('unhandledRejection', unhandled);
  try {
    const onFault = vi.fn(fails);
    const { cache } = simulated({ onFault });
    let calls = 0;
    const serve = cache.wrap(() => {
      calls++;
      if (calls === 2) throw new Error('down');
      return text(`call ${calls}`, STALE);
    });
    for (const expected of ['call 1', 'call 1', 'call 1', 'call 3']) {
      expect(await body(serve(get('/a')))).toBe(expected);
      await settle();
    }
    expect(onFault).toHaveBeenCalledExactlyOnceWith(expect.objectContaining({ message: 'down' }));
  } finally {
    process.off('unhandledRejection', unhandled);
  }
  expect(unhandled).not.toHaveBeenCalled();
});

test('onFault hears nothing of what the caller is told', async () => {
  const onFault = vi.fn();
  const { cache } = simulated({ onFault });
  const serve = cache.wrap(() => {
    throw new Error('down');
  });
  await expect(serve(get('/a'))).rejects.toThrow('down');
  expect(onFault).not.toHaveBeenCalled();
});

/** What some frameworks give: one can wait for it, and it is no promise. */
const thenable = (then: PromiseLike<Response>['then']) => ({ then }) as Promise<Response>;

test('a result that is no promise, and never comes, is waited for no longer than timeout', async () => {
  const { cache, time } = simulated({ timeout: 30 });
  const never = (() => undefined) as never;
  const answered = cache.wrap(() => thenable(never))(get('/a'));
  const refused = expect(answered).rejects.toMatchObject({ code: 'E_HANDLER' });
  await settle();
  time.advance(30);
  await refused;
});

test('one that comes is the answer', async () => {
  const { cache } = simulated({ timeout: 30 });
  const given = Promise.resolve(text('given', { 'cache-control': 'max-age=60' }));
  const response = await cache.wrap(() => thenable(given.then.bind(given)))(get('/a'));
  expect(outcome(response)).toContain('stored');
  expect(await response.text()).toBe('given');
});
