// The lifetime that a tenant gives what was read from a tracked source.

import { expect, test } from 'vitest';
import { gateBench } from '../kit/gate-bench.ts';

test('it stands where the answer states none and carries the tag of a source, and ends with a change as any', async () => {
  const { gate, get, origin, time } = gateBench({ trackedTtlMs: 3_600_000 });
  let token: string | undefined;
  let sequence = 0;
  const report = async (tags: readonly string[] = []) => {
    const told = { source: 'shop', session: 's1', sequence: ++sequence, leaseMs: 2_000, tags };
    ({ token } = await gate.reportSource({ ...told, ...(token !== undefined && { token }) }));
  };
  const fill = (path: string, fields: readonly string[]) => {
    get(path);
    origin.last.answer(200, fields, 'one');
  };
  for (let times = 0; times < 2; times++) await report();
  fill('/plain', []);
  fill('/stated', ['cache-control', 'max-age=1', 'cache-tag', 'tg-source:shop']);
  fill('/a', ['cache-tag', 'q1, tg-source:shop']);
  expect(get('/plain').state).toBe('waiting');
  for (let times = 0; times < 3_600; times++) {
    time.advance(500);
    await report();
  }
  expect(get('/stated').state).toBe('waiting');
  expect(get('/a').text).toBe('one');
  await report(['q1']);
  expect(get('/a').state).toBe('waiting');
});
