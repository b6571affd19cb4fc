// The suite's origin on a loopback port: its own handlers, without its server, which would listen to the world.

import http from 'node:http';
import handleConfig from 'http-cache-tests/server/handle-config.mjs';
import handleState from 'http-cache-tests/server/handle-state.mjs';
import handleTest from 'http-cache-tests/server/handle-test.mjs';

const handlers = { config: handleConfig, state: handleState, test: handleTest };

/** Resolves to the server, once it listens. */
export function startSuiteOrigin() {
  const server = http.createServer((request, response) => {
    const [, dispatch, ...segments] = new URL(request.url, 'http://suite').pathname.split('/');
    const handle = handlers[dispatch];
    if (handle !== undefined) return handle(segments, request, response);
    response.writeHead(404).end();
  });
  return new Promise((resolve) => server.listen(0, '127.0.0.1', () => resolve(server)));
}
