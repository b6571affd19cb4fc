// What is made once for a whole run of the tests: the peers are installed, where they are not there; and when the first test
// asks, the data folder every PGlite starts from. To make it takes ten times as long as to start from it.
//
// Tests run in processes of their own, so they ask over HTTP, and the folder is made in a process of
// its own, since this one is busy with serving the modules of the tests.

import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import type { TestProject } from 'vitest/node';
import { installPeers } from '../race/peers/install.ts';

declare module 'vitest' {
  interface ProvidedContext {
    /** Answers with the path of the data folder's dump, when it is there. */
    readonly pgliteDumpUrl: string;
  }
}

const MAKER = fileURLToPath(new URL('make-pglite.ts', import.meta.url));

export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  installPeers();
  const folder = await mkdtemp(join(tmpdir(), 'tidegate-run-'));
  const stopped = new AbortController();
  const make = async () => {
    const path = join(folder, 'pglite.tar');
    await promisify(execFile)(process.execPath, [MAKER, path], { signal: stopped.signal });
    return path;
  };
  let made: Promise<string> | undefined;
  const server = createServer((_request, response) => {
    // A connection that is kept is closed some time: then a request that is sent on it at that moment fails.
    response.shouldKeepAlive = false;
    made ??= make();
    made.then(
      (path) => response.end(path),
      (error: unknown) => response.writeHead(500).end(String(error)),
    );
  });
  await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve));
  server.unref();
  project.provide('pgliteDumpUrl', `http://127.0.0.1:${(server.address() as AddressInfo).port}/`);
  return async () => {
    stopped.abort();
    await made?.catch(() => undefined);
    server.close();
    server.closeAllConnections();
    await rm(folder, { recursive: true, force: true });
  };
}
