// The thread of honest.ts: each request has its time, whether those before are answered or not, and its latency counts from that
// time. So a server that stalls delays all the requests of that while, not one alone (no coordinated omission).

import { Agent, type RequestOptions, request } from 'node:https';
import { parentPort, workerData } from 'node:worker_threads';
import { HONEST } from '../../test/attack/origin.ts';
import type { HonestPlan, HonestTook } from './honest.ts';

const MAX_ANSWER_MS = 5_000;
/** Every so many requests one has a connection of its own. */
const OWN_CONNECTION = 5;
/** Two hits to a miss. */
const MISS = 3;

const { port, perSecond, seconds, run } = workerData as HonestPlan;
const kept = new Agent({ keepAlive: true });
const total = perSecond * seconds;
const took: HonestTook = { hits: [], misses: [], sentLate: [], refused: {}, late: 0, wrong: 0 };
const beganMs = performance.now();
const running: Promise<void>[] = [];

function ask(turn: number, dueMs: number): Promise<void> {
  const isMiss = turn % MISS === 0;
  const path = isMiss ? `${HONEST}miss/${run}/${turn}` : `${HONEST}hit/${turn % 5}`;
  const agent = turn % OWN_CONNECTION === 0 ? false : kept;
  const headers = { host: 'honest.example' };
  const options: RequestOptions = { host: '127.0.0.1', port, path, headers, agent, rejectUnauthorized: false };
  const { promise, resolve } = Promise.withResolvers<void>();
  let told = false;
  /** The first end that it comes to. */
  const tell = (refusal?: string): void => {
    if (told) return;
    told = true;
    clearTimeout(timer);
    (isMiss ? took.misses : took.hits).push(performance.now() - dueMs);
    if (refusal !== undefined) took.refused[refusal] = (took.refused[refusal] ?? 0) + 1;
    resolve();
  };
  const asked = request(options, (response) => {
    let body = '';
    response.setEncoding('latin1').on('data', (text: string) => {
      body += text;
    });
    response.on('error', () => {});
    response.on('close', () => {
      if (response.statusCode !== 200) return tell(String(response.statusCode));
      if (!response.complete) return tell('cut');
      if (body !== `GET ${path}`) took.wrong++;
      tell();
    });
  });
  const timer = setTimeout(
    () => {
      if (!told) took.late++;
      tell();
      asked.destroy();
    },
    dueMs + MAX_ANSWER_MS - performance.now(),
  );
  asked.on('error', (error: NodeJS.ErrnoException) => {
    // A kept connection that the server ends just now: browsers ask again, and so does this; the time goes on.
    const isEnded = asked.reusedSocket && error.code === 'ECONNRESET';
    if (!isEnded || told) return tell(error.code ?? error.message);
    told = true;
    clearTimeout(timer);
    void ask(turn, dueMs).then(resolve);
  });
  took.sentLate.push(performance.now() - dueMs);
  asked.end();
  return promise;
}

let turn = 0;
const ticking = setInterval(() => {
  for (; turn < total; turn++) {
    const dueMs = beganMs + (turn * 1_000) / perSecond;
    if (dueMs > performance.now()) return;
    running.push(ask(turn, dueMs));
  }
  clearInterval(ticking);
  void Promise.all(running).then(() => {
    kept.destroy();
    parentPort?.postMessage(took);
  });
}, 1);
