// Clients that take answers below the least rate are cut, whatever carries them; no others are.

import { connect } from 'node:tls';
import { expect, test } from 'vitest';
import { SharedBudget } from '../../src/memory/budget.ts';
import { answerRoom, MinRate, RateWatch } from '../../src/node/front/min-rate.ts';
import { eventually, FedBody, RawClient, startFront, storedAnswer, streamedAnswer } from './front-kit.ts';
import { h2Client, startTlsFront } from './h2-kit.ts';
import { manualTime } from './manual-time.ts';

const BOUND = { bytesPerSecond: 500, windowMs: 60_000 };

function metered() {
  const { clock, tasks, ...time } = manualTime();
  const slow: string[] = [];
  let taken = 1_000_000;
  const watch = new RateWatch(BOUND, { monotonic: () => clock.monotonic(), tasks });
  const rate = new MinRate(
    watch,
    (got) => slow.push(got),
    () => taken,
  );
  const take = (bytes: number, seconds: number) => {
    for (let second = 0; second < seconds; second++) {
      time.advance(1_000);
      taken += bytes;
    }
  };
  return { rate, slow, take, time };
}

test('who takes less than the least rate is cut after a window, who takes it is not', () => {
  const slow = metered();
  slow.rate.wait();
  slow.take(480, 70);
  expect(slow.slow).toHaveLength(1);
  const honest = metered();
  honest.rate.wait();
  honest.take(520, 3_600);
  expect(honest.slow).toEqual([]);
  honest.take(0, 420);
  expect(honest.slow).toHaveLength(1);
});

test('time in which nobody waits for the client does not count: an event an hour is no slow reader', () => {
  const fast = metered();
  for (let event = 0; event < 100; event++) {
    fast.rate.wait();
    fast.take(1_000, 1);
    fast.rate.came(0);
    fast.take(0, 3_600);
  }
  expect(fast.slow).toEqual([]);
});

test('who takes ten times the rate is not cut where the system takes a megabyte at a time, and who stalls then is', () => {
  const { rate, slow, take } = metered();
  rate.wait();
  for (let at = 0; at < 10; at++) {
    take(1_400_000, 1);
    take(0, 279);
  }
  expect(slow).toEqual([]);
  take(0, 60);
  expect(rate.pace).toBeLessThan(5_000);
  take(0, 120);
  expect(slow).toHaveLength(1);
});

test('who is behind has a pace, once he was waited for a sixth of the window', () => {
  const { rate, take } = metered();
  rate.wait();
  take(100, 9);
  expect(rate.pace).toBeUndefined();
  take(100, 1);
  expect(rate.pace).toBeCloseTo(100);
  take(10_000, 10);
  expect(rate.pace).toBeUndefined();
});

const GET = 'GET / HTTP/1.1\r\nHost: localhost\r\n\r\n';
const BIG = 20_000_000;
const SLOW = { minAnswerRateWindowMs: 300, minAnswerRate: 1_000_000 };

test.each(['hit', 'streamed'])('a %s over TLS is cut', async (kind) => {
  const answers = answerRoom(SLOW);
  const front = await startTlsFront({
    answers,
    atOnce: () => (kind === 'hit' ? (storedAnswer('x'.repeat(BIG), []) as never) : undefined),
    handle: (_request, responder) =>
      void responder.respond(streamedAnswer(new FedBody().feed(Buffer.alloc(BIG), 'end'))),
  });
  const client = connect({
    port: front.port,
    host: '127.0.0.1',
    rejectUnauthorized: false,
    ALPNProtocols: ['http/1.1'],
  });
  client.on('error', () => {});
  client.pause();
  client.write(GET);
  await eventually(() => answers.counts.slow > 0 && front.front.connections() === 0);
  expect(answers.counts).toEqual({ slow: 1, behind: 0, idle: 0 });
});

test('who reads steadily is not cut, though the system takes nothing for many windows', async () => {
  const answers = answerRoom({ minAnswerRateWindowMs: 400, minAnswerRate: 1_000 });
  const { port } = await startFront({ answers, atOnce: () => storedAnswer('x'.repeat(BIG), []) as never });
  const client = new RawClient(port);
  client.socket.pause();
  client.send(GET);
  for (let tenth = 0; tenth < 25; tenth++) {
    await new Promise((resolve) => setTimeout(resolve, 100));
    client.socket.read(100_000);
  }
  expect(answers.counts.slow).toBe(0);
  expect(client.socket.destroyed).toBe(false);
});

test('over HTTP/2 the stream is cut, and the others of its connection go on', async () => {
  const answers = answerRoom(SLOW);
  const front = await startTlsFront({
    answers,
    atOnce: ({ uri }) => storedAnswer('x'.repeat(uri.endsWith('/small') ? 10 : BIG), []) as never,
  });
  const session = await h2Client(front);
  const stuck = session.request({ ':path': '/' });
  stuck.pause();
  stuck.on('error', () => stuck.destroy());
  await eventually(() => stuck.closed);
  expect(answers.counts.slow).toBe(1);
  const small = session.request({ ':path': '/small' });
  let got = '';
  for await (const chunk of small) got += chunk;
  expect(got).toBe('xxxxxxxxxx');
});

test.each(['hit', 'streamed', 'large and streamed'])(
  'over HTTP/2 what the streams of a client without a window hold counts, and is released with them: %s',
  async (kind) => {
    const budget = new SharedBudget(BIG);
    const bytes = kind === 'large and streamed' ? 200_000 : 60_000;
    const front = await startTlsFront({
      budget,
      atOnce: () => (kind === 'hit' ? (storedAnswer('x'.repeat(bytes), []) as never) : undefined),
      handle: (_request, responder) =>
        void responder.respond(streamedAnswer(new FedBody().feed(Buffer.alloc(bytes), 'end'))),
    });
    const session = await h2Client(front, { settings: { initialWindowSize: 0 } });
    for (let at = 0; at < 50; at++) session.request({ ':path': `/${at}` }).on('error', () => {});
    await eventually(() => budget.stats().bytes.answers >= 50 * bytes);
    session.destroy();
    await eventually(() => budget.stats().bytes.answers === 0);
  },
);

test('where memory is short, who holds it and is behind is cut at once, and its bytes are released', async () => {
  // A sixth of the window; less than the least rate for the whole of it would take a minute.
  const answers = answerRoom({ minAnswerRateWindowMs: 1_200, minAnswerRate: 1 });
  const budget = new SharedBudget(BIG);
  const { port, front } = await startFront({
    ...{ answers, budget },
    atOnce: () => storedAnswer('x'.repeat(BIG), []) as never,
  });
  const client = new RawClient(port);
  client.socket.pause();
  client.send(GET);
  await eventually(() => budget.stats().bytes.answers > 0);
  expect(budget.reserve('fills', BIG)).toBe(false);
  await eventually(() => budget.reserve('fills', BIG));
  expect(budget.stats().bytes.answers).toBe(0);
  expect(answers.counts.behind).toBe(1);
  await eventually(() => front.connections() === 0);
});
