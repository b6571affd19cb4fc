import { expect, test } from 'vitest';
import { afterIntents } from '../../src/log/member-log.ts';
import type { Origin, OriginListener, OriginRequest } from '../../src/ports.ts';
import { turns } from '../kit/slow-log.ts';

const LISTENER: OriginListener = { interim: () => {}, head: () => {}, data: () => {}, end: () => {}, failed: () => {} };

function request(method: string): OriginRequest {
  return { method, target: '/', fields: [], body: undefined, retryable: true };
}

function recorded() {
  const calls: string[] = [];
  const origin: Origin = {
    forward: ({ method }) => {
      calls.push(method);
      return { pause: () => calls.push('pause'), resume: () => calls.push('resume'), abort: () => calls.push('abort') };
    },
  };
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  return { calls, wrapped: afterIntents(origin, () => promise), resolve, reject };
}

test('an unsafe request leaves once the intents are in force, a safe one at once', async () => {
  const { calls, wrapped, resolve } = recorded();
  wrapped.forward(request('PUT'), LISTENER);
  wrapped.forward(request('GET'), LISTENER);
  await turns();
  expect(calls).toEqual(['GET']);
  resolve();
  await turns();
  expect(calls).toEqual(['GET', 'PUT']);
});

test('it leaves as well when the log has failed', async () => {
  const { calls, wrapped, reject } = recorded();
  wrapped.forward(request('POST'), LISTENER);
  reject(new Error('the log is gone'));
  await turns();
  expect(calls).toEqual(['POST']);
});

test('it is refused, and does not leave, where the log must have its intent', async () => {
  const calls: string[] = [];
  const origin: Origin = {
    forward: ({ method }) => {
      calls.push(method);
      return { pause: () => {}, resume: () => {}, abort: () => {} };
    },
  };
  const failed: unknown[] = [];
  const listener = { ...LISTENER, failed: (error: unknown) => void failed.push(error) };
  const wrapped = afterIntents(origin, () => Promise.reject(new Error('nobody answers')), true);
  wrapped.forward(request('PUT'), listener);
  wrapped.forward(request('DELETE'), listener).abort();
  await turns();
  expect(calls).toEqual([]);
  expect(failed).toEqual([
    expect.objectContaining({
      code: 'E_LOG',
      message: 'expected the log to take the intent of a write, got nobody answers',
    }),
  ]);
});

test('what is done to it meanwhile holds from its start', async () => {
  const { calls, wrapped, resolve } = recorded();
  const paused = wrapped.forward(request('PUT'), LISTENER);
  const aborted = wrapped.forward(request('DELETE'), LISTENER);
  paused.pause();
  aborted.abort();
  resolve();
  await turns();
  expect(calls).toEqual(['PUT', 'pause']);
  paused.resume();
  paused.abort();
  expect(calls).toEqual(['PUT', 'pause', 'resume', 'abort']);
});

test('with no intent under way nothing is waited for', () => {
  const calls: string[] = [];
  const origin: Origin = {
    forward: ({ method }) => {
      calls.push(method);
      return { pause: () => {}, resume: () => {}, abort: () => {} };
    },
  };
  afterIntents(origin, () => undefined).forward(request('PUT'), LISTENER);
  expect(calls).toEqual(['PUT']);
});
