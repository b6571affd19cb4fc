// `npm run bench -- ceiling`: the resident memory of a gate under what takes the most of it, beside its bound
// (`memory.maxBytes`, 256 MiB). Each scenario has a process of its own; its highest figure counts.
//   --short        fewer and smaller answers, a minute in all
//   --only TEXT    scenarios whose name has the text
//   --over NAME    over this alone: plain, tls or http2

import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { Clients, type Protocol } from './ceiling/clients.ts';
import { gatesIn, type Reading } from './ceiling/gate.ts';
import { type Goal, printTable, type Report } from './report.ts';

const MAX_BYTES = 256 * 1024 * 1024;
/** What the process may take beside the bound. */
const BESIDE_BYTES = 150_000_000;
const MB = 1_000_000;
const SLOW_BYTES_PER_SECOND = 100_000;
const MOST_CONNECTIONS = 10_000;

interface Size {
  readonly clients: number;
  readonly bodyBytes: number;
  readonly seconds: number;
}

interface Scenario {
  readonly name: string;
  readonly protocols: readonly Protocol[];
  readonly load: (clients: Clients, size: Size) => Promise<unknown>;
}

const numbered = (count: number) => Array.from({ length: count }, (_, at) => at);

/** No scenario takes longer than that to send its requests. */
const inTime = (work: Promise<unknown>[], seconds: number) => Promise.race([Promise.all(work), sleep(seconds * 1_000)]);

const SCENARIOS: readonly Scenario[] = [
  {
    name: 'misses at full speed',
    protocols: ['plain', 'tls', 'http2'],
    load: (clients, { clients: count, bodyBytes, seconds }) =>
      inTime(
        numbered(count).map((at) => clients.fast(`/${at}?${bodyBytes}`, bodyBytes)),
        4 * seconds,
      ),
  },
  {
    name: 'misses read at 100 KB/s',
    protocols: ['plain', 'tls', 'http2'],
    load: async (clients, { clients: count, bodyBytes, seconds }) => {
      for (const at of numbered(count)) clients.slow(`/${at}?${bodyBytes}`, SLOW_BYTES_PER_SECOND);
      await sleep(seconds * 1_000);
    },
  },
  {
    name: 'misses whose clients leave',
    protocols: ['plain', 'tls'],
    load: async (clients, { bodyBytes, seconds }) => {
      await inTime(
        numbered(80).map((at) => clients.leave(`/${at}?${bodyBytes}`)),
        seconds,
      );
      await sleep(seconds * 500);
    },
  },
  {
    name: 'hits of one body at 100 KB/s',
    protocols: ['plain', 'tls', 'http2'],
    load: async (clients, { clients: count, bodyBytes, seconds }) => {
      await clients.fast(`/0?${bodyBytes}`, bodyBytes);
      for (const _ of numbered(count)) clients.slow(`/0?${bodyBytes}`, SLOW_BYTES_PER_SECOND);
      await sleep(seconds * 1_000);
    },
  },
  {
    name: 'hits of 20 bodies at 100 KB/s',
    protocols: ['plain', 'tls', 'http2'],
    load: async (clients, { clients: count, bodyBytes, seconds }) => {
      for (const at of numbered(20)) {
        await clients.fast(`/${at}?${bodyBytes}`, bodyBytes);
        for (const _ of numbered(count / 20)) clients.slow(`/${at}?${bodyBytes}`, SLOW_BYTES_PER_SECOND);
        await sleep(50);
      }
      await sleep(seconds * 500);
    },
  },
  {
    name: 'idle connections',
    protocols: ['plain', 'tls'],
    load: async (clients, { seconds }) => {
      const count = connectionsAllowed();
      for (let left = count; left > 0; left -= 200)
        await inTime(
          numbered(Math.min(left, 200)).map(() => clients.idle('/small?100')),
          seconds,
        );
    },
  },
];

/** Both this process and the gate have a descriptor for each, and some for themselves. */
function connectionsAllowed(): number {
  const limit = execFileSync('/bin/sh', ['-c', 'ulimit -Hn'], { encoding: 'utf8' }).trim();
  // The gate keeps a tenth of its descriptors free of new misses.
  return limit === 'unlimited' ? MOST_CONNECTIONS : Math.min(MOST_CONNECTIONS, Math.floor(Number(limit) * 0.85) - 100);
}

const PIECE = Buffer.alloc(64 * 1024, 'x');

/** Answers `/anything?BYTES` with so many bytes, as fast as they are taken. */
async function startOrigin(): Promise<Server> {
  const server = createServer((request, response) => {
    let left = Number(request.url?.split('?')[1]);
    response.writeHead(200, { 'cache-control': 'max-age=3600', 'content-length': left });
    const more = () => {
      for (let room = true; room && left > 0; left -= PIECE.length) room = response.write(PIECE.subarray(0, left));
      if (left <= 0) response.end();
    };
    response.on('drain', more);
    more();
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return server;
}

interface Figures extends Reading {
  readonly scenario: string;
  readonly protocol: Protocol;
  readonly connections: number;
}

async function measure(
  scenario: Scenario,
  protocol: Protocol,
  to: { originUrl: string; size: Size; startGate: Awaited<ReturnType<typeof gatesIn>> },
): Promise<Figures> {
  const gate = await to.startGate({ originUrl: to.originUrl, isTls: protocol !== 'plain', maxBytes: MAX_BYTES });
  const clients = new Clients(gate.url, protocol);
  try {
    await scenario.load(clients, to.size);
    const connections = clients.open;
    return { ...(await gate.read()), scenario: scenario.name, protocol, connections };
  } finally {
    clients.close();
    await gate.close();
  }
}

const inMb = (bytes: number) => (bytes / MB).toFixed(0);

export async function run(flags: readonly string[]): Promise<Report> {
  const { values } = parseArgs({
    args: [...flags],
    options: {
      short: { type: 'boolean', default: false },
      only: { type: 'string', default: '' },
      over: { type: 'string', default: '' },
    },
  });
  const size = values.short
    ? { clients: 100, bodyBytes: 20 * MB, seconds: 3 }
    : { clients: 200, bodyBytes: 50 * MB, seconds: 10 };
  const folder = mkdtempSync(join(tmpdir(), 'tidegate-ceiling-'));
  process.once('exit', () => rmSync(folder, { recursive: true, force: true }));
  const startGate = await gatesIn(folder);
  const origin = await startOrigin();
  const originUrl = `http://127.0.0.1:${(origin.address() as AddressInfo).port}`;
  const figures: Figures[] = [];
  for (const scenario of SCENARIOS.filter(({ name }) => name.includes(values.only)))
    for (const protocol of scenario.protocols.filter((name) => name.startsWith(values.over)))
      figures.push(await measure(scenario, protocol, { originUrl, size, startGate }));
  origin.closeAllConnections();
  origin.close();
  const allowed = connectionsAllowed();
  printTable({
    title: `answers of ${inMb(size.bodyBytes)} MB, ${size.clients} clients (80 that leave, ${allowed} idle); memory in MB`,
    columns: ['scenario', 'over', 'highest', 'at the end', 'counted then', 'connected then'],
    rows: figures.map(({ scenario, protocol, peakBytes, rssBytes, countedBytes, connections }) => [
      ...[scenario, protocol, inMb(peakBytes), inMb(rssBytes), inMb(countedBytes), String(connections)],
    ]),
  });
  return { goals: figures.map(goalOf), figures };
}

function goalOf({ scenario, protocol, peakBytes }: Figures): Goal {
  const bound = MAX_BYTES + BESIDE_BYTES;
  const [name, got] = [`${scenario}, ${protocol}: resident memory`, `${inMb(peakBytes)} MB`];
  return { name, bound: `<= ${inMb(bound)} MB`, got, met: peakBytes <= bound };
}
