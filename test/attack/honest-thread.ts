// The thread of honest.ts.

import { Agent, request as plainRequest, type RequestOptions } from 'node:http';
import { Agent as TlsAgent, request as tlsRequest } from 'node:https';
import { parentPort, workerData } from 'node:worker_threads';
import type { HonestFigures, HonestPlan } from './honest.ts';

const MAX_ANSWER_MS = 5_000;

const { port, tls, perSecond } = workerData as HonestPlan;
const kept = tls ? new TlsAgent({ keepAlive: true }) : new Agent({ keepAlive: true });
const tookMs: number[] = [];
const refused: Record<string, number> = {};
const running = new Set<Promise<void>>();
let sent = 0;
let late = 0;
let wrong = 0;

/** Six hits to two misses and a write; what each is answered with names its own path. */
function nextRequest(): { readonly method: string; readonly path: string } {
  const turn = sent++;
  if (turn % 9 < 6) return { method: 'GET', path: `/honest/hit/${turn % 5}` };
  return turn % 9 < 8
    ? { method: 'GET', path: `/honest/miss/${turn}` }
    : { method: 'POST', path: `/honest/write/${turn}` };
}

function ask(): Promise<void> {
  const { method, path } = nextRequest();
  const began = performance.now();
  const agent = sent % 2 === 0 ? kept : false;
  const headers = { host: 'honest.example', ...(method === 'POST' && { 'content-length': '3' }) };
  const options: RequestOptions = { host: '127.0.0.1', port, method, path, headers, agent };
  const { promise, resolve } = Promise.withResolvers<void>();
  const fail = (what: string) => {
    refused[what] = (refused[what] ?? 0) + 1;
  };
  const request = (tls ? tlsRequest : plainRequest)({ ...options, ...(tls && { rejectUnauthorized: false }) });
  let timedOut = false;
  const timer = setTimeout(() => {
    timedOut = true;
    late++;
    request.destroy();
  }, MAX_ANSWER_MS);
  request.on('response', (response) => {
    let body = '';
    response.setEncoding('latin1');
    response.on('data', (text: string) => {
      body += text;
    });
    response.on('error', () => {});
    response.on('close', () => {
      if (timedOut) return;
      if (response.statusCode !== 200) fail(String(response.statusCode));
      else if (!response.complete) fail('cut');
      else if (body !== `${method} ${path}`) wrong++;
      tookMs.push(performance.now() - began);
    });
  });
  request.on('error', (error: NodeJS.ErrnoException) => {
    // A kept connection that the gate ends just now; browsers ask again.
    if (request.reusedSocket && method === 'GET' && error.code === 'ECONNRESET') sent--;
    else if (!timedOut) fail(error.code ?? error.message);
  });
  request.on('close', () => {
    clearTimeout(timer);
    resolve();
  });
  request.end(method === 'POST' ? 'abc' : undefined);
  return promise;
}

const ticking = setInterval(() => {
  const one: Promise<void> = ask().then(() => void running.delete(one));
  running.add(one);
}, 1000 / perSecond);

parentPort?.once('message', async () => {
  clearInterval(ticking);
  await Promise.all(running);
  tookMs.sort((a, b) => a - b);
  const figures: HonestFigures = { sent, refused, late, wrong, tookMs };
  parentPort?.postMessage(figures);
});
