// Child process: how many promises are made while hits are answered over a socket, by the gate and by bare node:http.
// Prints PromiseCounts.
//
// The one complication: the hook sees all promises of the process, so client and origin are in it but make none: the
// client is a plain socket with callbacks, and the origin is not asked for a hit.

import { createServer, type Server } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { promiseHooks } from 'node:v8';
import { resolveConfig } from '../../src/node/config.ts';
import { startGate } from '../../src/node/serve.ts';
import { createBareServer } from './bare-server.ts';
import { body, originFields, TARGET } from './resource.ts';

/** Promises made during `hits` hits, and where the first of them was. */
export interface PromiseCount {
  readonly server: string;
  readonly hits: number;
  readonly promises: number;
  readonly first: string | undefined;
}

const HITS = 10_000;
const WARM_HITS = 200;

/** Answers one request after the other, `count` in all, on one connection. */
function hit(port: number, count: number, done: (error?: Error) => void): void {
  const socket = connect(port, '127.0.0.1');
  const ask = () => socket.write(`GET ${TARGET} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n`);
  let left = count;
  let got = '';
  socket.setEncoding('latin1').on('connect', ask).on('error', done);
  socket.on('data', (chunk: unknown) => {
    got += chunk as string;
    const end = got.indexOf('\r\n\r\n');
    if (end < 0 || got.length < end + 4 + body.length) return;
    const isHit = got.startsWith('HTTP/1.1 200') && /\r\ncache-status: tidegate; hit/i.test(got);
    if (!isHit && left < count) return void socket.destroy(new Error(`expected a hit; got ${got.slice(0, end)}`));
    got = '';
    if (--left > 0) return void ask();
    socket.destroy();
    done();
  });
}

function hits(port: number, count: number): Promise<void> {
  return new Promise((resolve, reject) => hit(port, count, (error) => (error ? reject(error) : resolve())));
}

async function countPromises(server: string, port: number): Promise<PromiseCount> {
  await hits(port, WARM_HITS);
  let promises = 0;
  let first: string | undefined;
  let stop = () => {};
  await new Promise<void>((resolve, reject) => {
    stop = promiseHooks.onInit(() => {
      promises++;
      first ??= new Error('a promise').stack;
    }) as () => void;
    hit(port, HITS, (error) => {
      stop();
      if (error) reject(error);
      else resolve();
    });
  });
  return { server, hits: HITS, promises, first };
}

async function listening(server: Server): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return (server.address() as AddressInfo).port;
}

const origin = createServer((_request, response) => response.writeHead(200, [...originFields]).end(body));
const bare = createBareServer();
const gate = await startGate(
  resolveConfig({
    listen: { port: 0 },
    admin: { port: 0 },
    log: { level: 'error' },
    origins: { app: { url: `http://127.0.0.1:${await listening(origin)}` } },
  }),
);
const counts = [
  await countPromises('tidegate', Number(new URL(gate.url).port)),
  await countPromises('bare node:http', await listening(bare)),
];
await gate.close({ graceMs: 0 });
bare.close();
origin.close();
console.log(JSON.stringify(counts));
