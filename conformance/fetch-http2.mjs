// The suite's requests over HTTP/2: as much of fetch as it uses, as node-fetch does it over HTTP/1.1. The fetch of browsers
// and of Node adds fields of its own to conditional requests, which the tests are about.

import { promisify } from 'node:util';
import { brotliDecompress, gunzip, inflate } from 'node:zlib';
import { buildConnector, Pool } from 'undici';

const DECODERS = new Map([
  ['gzip', promisify(gunzip)],
  ['deflate', promisify(inflate)],
  ['br', promisify(brotliDecompress)],
]);

/** A fetch for URLs of this server, whose certificate is not looked at. */
export function fetchHttp2(base) {
  const open = buildConnector({ allowH2: true, preferH2: true, rejectUnauthorized: false });
  const connect = (options, done) =>
    open(options, (error, socket) => {
      const wrong = error === null && socket.alpnProtocol !== 'h2';
      done(wrong ? new Error(`expected h2, got ${socket.alpnProtocol}`) : error, socket);
    });
  const pool = new Pool(base, { allowH2: true, connections: 4, connect });
  return (url, init = {}) => ask(pool, new URL(url), init);
}

async function ask(pool, url, { method = 'GET', headers = [], body, redirect, signal }) {
  const fields = Object.entries(Object.groupBy(listOf(headers), ([name]) => name.toLowerCase())).map(
    // node-fetch leaves it to the server to strip white space; there is none in HTTP/2 (RFC 9113 §8.2.1).
    ([name, lines]) => [name, lines.map(([, value]) => String(value).trim()).join(', ')],
  );
  const sent = new Map([
    ['accept', '*/*'],
    ['accept-encoding', 'gzip, deflate, br'],
    ['user-agent', 'node-fetch'],
    ...(typeof body === 'string' ? [['content-type', 'text/plain;charset=UTF-8']] : []),
    ...fields,
  ]);
  // RFC 9113 §8.2.2: there are none of these in HTTP/2.
  for (const name of ['connection', 'keep-alive', 'te', 'transfer-encoding', 'upgrade']) sent.delete(name);
  const answer = await pool.request({
    path: url.pathname + url.search,
    method,
    headers: Object.fromEntries(sent),
    body,
    signal,
  });
  const { location } = answer.headers;
  if (redirect !== 'manual' && location !== undefined && [301, 302, 303, 307, 308].includes(answer.statusCode)) {
    await answer.body.dump();
    return ask(pool, new URL(location, url), { method, headers, body, redirect, signal });
  }
  return responseOf(answer);
}

function listOf(headers) {
  return Array.isArray(headers) ? headers : Object.entries(headers);
}

async function responseOf({ statusCode, headers, body }) {
  const bytes = Buffer.from(await body.arrayBuffer());
  const decode = DECODERS.get(headers['content-encoding']);
  const content = decode === undefined || bytes.length === 0 ? bytes : await decode(bytes);
  const lines = Object.entries(headers).flatMap(([name, value]) => [value].flat().map((line) => [name, line]));
  return new Response(statusCode === 204 || statusCode === 304 ? null : content, {
    status: statusCode,
    headers: lines,
  });
}
