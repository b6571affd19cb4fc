// Child process: keep-alive connections on plain sockets, each with one request under way, for some seconds. Its argument
// is an Order and the number of connections; it prints a LoadResult.
//
// It must cost less than the server, so of an answer it reads the status and Content-Length only.

import { connect, type Socket } from 'node:net';
import type { LoadResult, Order } from './load.ts';

/** Latencies are counted in steps of 10 µs up to 10 s. */
const STEPS_PER_MS = 100;
const latencies = new Uint32Array(10_000 * STEPS_PER_MS);

const order = JSON.parse(process.argv[2] ?? '') as Order & { readonly connections: number };
const request = requestText(order);
const open = new Set<Socket>();
let requests = 0;
let bytes = 0;
let errors = 0;
let ending = false;

function requestText({ url, head }: Order): string {
  const { host, pathname, search } = new URL(url);
  const fields = head.fields.map(([name, value]) => `${name}: ${value}\r\n`).join('');
  return `GET ${pathname}${search} HTTP/1.1\r\nHost: ${host}\r\n${fields}\r\n`;
}

function begin({ hostname, port }: URL): void {
  const socket = connect(Number(port), hostname);
  open.add(socket);
  let askedMs = 0;
  let got = '';
  const ask = (): void => {
    askedMs = performance.now();
    got = '';
    socket.write(request);
  };
  socket.setNoDelay(true).setEncoding('latin1').on('connect', ask);
  socket.on('data', (chunk: unknown) => {
    got += chunk as string;
    const length = answerLength(got);
    if (length === undefined || got.length < length) return;
    const step = Math.floor((performance.now() - askedMs) * STEPS_PER_MS);
    const at = Math.min(latencies.length - 1, step);
    latencies[at] = latencies[at]! + 1;
    requests++;
    bytes += got.length;
    if (!got.startsWith('HTTP/1.1 200')) errors++;
    ask();
  });
  socket.on('error', () => socket.destroy());
  socket.on('close', () => {
    open.delete(socket);
    if (!ending) errors++;
  });
}

/** Of the head and the body; undefined: the head is not there yet. */
function answerLength(text: string): number | undefined {
  const end = text.indexOf('\r\n\r\n');
  if (end < 0) return undefined;
  const stated = /\r\ncontent-length: *(\d+)/i.exec(text);
  return end + 4 + Number(stated?.[1] ?? 0);
}

function percentileMs(part: number): number {
  let left = Math.ceil(requests * part);
  const step = latencies.findIndex((count) => {
    left -= count;
    return left <= 0;
  });
  return step / STEPS_PER_MS;
}

const startedMs = performance.now();
for (let made = 0; made < order.connections; made++) begin(new URL(order.url));
setTimeout(() => {
  ending = true;
  const seconds = (performance.now() - startedMs) / 1000;
  for (const socket of open) socket.destroy();
  const result: LoadResult = { requests, seconds, p99Ms: percentileMs(0.99), bytes, errors };
  console.log(JSON.stringify(result));
}, order.seconds * 1000);
