// How a gate comes into its cluster, in simulated time: whatever fails is tried again, and what waiting would not mend ends the start.

import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { TidegateError } from '../../src/errors.ts';
import { Joining, RETRY_MS } from '../../src/node/cluster/joining.ts';
import type { RedisMember } from '../../src/node/cluster/redis-member.ts';

const START_MS = 3_000;

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

function world(fails: { readonly check?: readonly Error[]; readonly listen?: readonly Error[] }) {
  const said: string[] = [];
  const faults: unknown[] = [];
  const step = (name: string, errors: Error[]) => async () => {
    said.push(name);
    const error = errors.shift();
    if (error !== undefined) throw error;
    return { version: '7', isDurable: true };
  };
  const member = {
    check: step('check', [...(fails.check ?? [])]),
    listen: step('listen', [...(fails.listen ?? [])]),
    log: { begin: step('begin', []) },
  } as unknown as RedisMember;
  const reached = () => void said.push('reached');
  const fault = (error: unknown) => void faults.push(error);
  return { said, faults, joining: new Joining({ member, connectionError: () => undefined, reached, fault }) };
}

const lost = new TidegateError('E_LOG', 'the connection is lost');
const refused = new TidegateError('E_CONFIG', 'expected an engine that evicts nothing');

test('a subscription that fails is tried again, and is told of', async () => {
  const { said, faults, joining } = world({ listen: [lost] });
  const started = joining.start(START_MS);
  await vi.advanceTimersByTimeAsync(RETRY_MS);
  await started;
  expect(said).toEqual(['check', 'listen', 'check', 'listen', 'reached', 'begin']);
  expect(faults).toEqual([lost]);
});

test('an engine that refuses ends the start, and after the start is asked again and again', async () => {
  await expect(world({ check: [refused] }).joining.start(START_MS)).rejects.toThrow('cluster: expected an engine');
  const away = Array.from({ length: START_MS / RETRY_MS + 1 }, () => lost);
  const { said, faults, joining } = world({ check: [...away, refused] });
  const started = joining.start(START_MS);
  await vi.advanceTimersByTimeAsync(START_MS);
  await started;
  await vi.advanceTimersByTimeAsync(3 * RETRY_MS);
  expect(faults.at(-1)).toBe(refused);
  expect(said.slice(-3)).toEqual(['listen', 'reached', 'begin']);
});

test('a gate that closes tries no more', async () => {
  const { said, joining } = world({ check: Array.from({ length: 100 }, () => lost) });
  const started = joining.start(START_MS);
  joining.stop();
  await vi.advanceTimersByTimeAsync(10 * START_MS);
  await started;
  expect(said).toEqual(['check']);
});
