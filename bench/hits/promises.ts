// Child process: how many promises are made while hits are answered over a socket, by the gate and by bare node:http.
// Prints PromiseCounts.
//
// The hook sees all promises of the process, so client and origin are in it but make none: the
// client is a plain socket with callbacks, and the origin is not asked for a hit.

import { createServer, type Server } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { setTimeout } from 'node:timers/promises';
import { promiseHooks } from 'node:v8';
import { resolveConfig } from '../../src/node/config/config.ts';
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
const LOADED_MS = 2_000;

const HIT = /^HTTP\/1\.1 200 [\s\S]*\r\ncache-status: tidegate; hit/i;

interface Watcher {
  /** Called once the first `WARM_HITS` answers are there, of which the very first may be a miss. */
  warmed(): void;
  done(error?: Error): void;
}

/** One request after the other on one connection. */
function hit(port: number, { warmed, done }: Watcher): void {
  const socket = connect(port, '127.0.0.1');
  const ask = () => void socket.write(`GET ${TARGET} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n`);
  let answers = 0;
  let got = '';
  socket.setEncoding('latin1').on('connect', ask).on('error', done);
  socket.on('data', (chunk: unknown) => {
    got += chunk as string;
    const end = got.indexOf('\r\n\r\n');
    if (end < 0 || got.length < end + 4 + body.length) return;
    if (answers > 0 && !HIT.test(got))
      return void socket.destroy(new Error(`expected a hit; got ${got.slice(0, end)}`));
    got = '';
    answers++;
    if (answers === WARM_HITS) warmed();
    if (answers < WARM_HITS + HITS) return ask();
    socket.destroy();
    done();
  });
}

async function countPromises(server: string, port: number): Promise<PromiseCount> {
  let promises = 0;
  let first: string | undefined;
  let stop = () => {};
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const warmed = () => {
    stop = promiseHooks.onInit(() => {
      promises++;
      first ??= new Error('made').stack;
    }) as () => void;
  };
  const done = (error?: Error) => {
    stop();
    if (error === undefined) resolve();
    else reject(error);
  };
  hit(port, { warmed, done });
  await promise;
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
// What it loads by itself after a while would be counted.
await setTimeout(LOADED_MS);
const counts = [
  await countPromises('tidegate', Number(new URL(gate.url).port)),
  await countPromises('bare node:http', await listening(bare)),
];
await gate.close({ grace: 0 });
bare.close();
origin.close();
console.log(JSON.stringify(counts));
