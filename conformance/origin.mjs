// The suite's origin on a loopback port: its own handlers, without its server, which would listen to the world.

import http from 'node:http';
import handleConfig from 'http-cache-tests/server/handle-config.mjs';
import handleState from 'http-cache-tests/server/handle-state.mjs';
import handleTest from 'http-cache-tests/server/handle-test.mjs';

const handlers = { config: handleConfig, state: handleState, test: handleTest };

/**
 * Resolves to the server, once it listens. `connections`: `close` ends each connection after its answer. Some answers are longer
 * than they say, and workerd would take the rest of one for the beginning of the next.
 */
export function startSuiteOrigin(connections) {
  const server = http.createServer((request, response) => {
    const [, dispatch, ...segments] = new URL(request.url, 'http://suite').pathname.split('/');
    const handle = handlers[dispatch];
    if (connections === 'close') endConnection(response);
    if (handle !== undefined) return handle(segments, request, response);
    response.writeHead(404).end();
  });
  return new Promise((resolve) => server.listen(0, '127.0.0.1', () => resolve(server)));
}

/** After this response, whatever a test writes into Connection. */
function endConnection(response) {
  const setHeader = response.setHeader.bind(response);
  response.setHeader = (name, value) =>
    setHeader(name, name.toLowerCase() === 'connection' ? `${value}, close` : value);
  response.shouldKeepAlive = false;
}
