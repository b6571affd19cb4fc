import { describe, expect, test } from 'vitest';
import { fieldLines, fieldValue } from '../../src/semantics/fields.ts';
import {
  answerText,
  bodyText,
  eventually,
  exchange,
  get,
  RawClient,
  routerTo,
  siteRoute,
  startFront,
  statusOf,
  valuesOf,
} from './front-kit.ts';

describe('what the gate gets', () => {
  test('method, uri, target and end-to-end fields', async () => {
    const { port, requests } = await startFront();
    await exchange(port, get('/a?b=1', 'X-One: 1', 'Cookie: a=b', 'cookie: c=d', 'TE: trailers', 'Keep-Alive: 5'));
    const { fields, ...rest } = requests[0]!;
    expect(rest).toMatchObject({ method: 'GET', uri: 'http://example.org/a?b=1', target: '/a?b=1', bypass: false });
    expect(rest.body).toBeUndefined();
    expect(
      Object.fromEntries(fields.flatMap((name, at) => (at % 2 ? [] : [[name, fieldLines(fields, name)]]))),
    ).toEqual({
      'x-one': ['1'],
      cookie: ['a=b; c=d'],
      host: ['example.org'],
      via: ['1.1 tidegate'],
      'x-forwarded-for': ['127.0.0.1'],
      'x-forwarded-host': ['example.org'],
      'x-forwarded-proto': ['http'],
    });
  });

  test('host in lower case without the default port; other ports stay', async () => {
    const { port, requests } = await startFront();
    await exchange(port, 'GET / HTTP/1.1\r\nHost: EXAMPLE.org:80\r\nConnection: close\r\n\r\n');
    await exchange(
      port,
      'GET http://example.ORG:8080/x HTTP/1.1\r\nHost: example.org:8080\r\nConnection: close\r\n\r\n',
    );
    await exchange(port, 'GET / HTTP/1.0\r\n\r\n');
    expect(requests.map(({ uri }) => uri)).toEqual([
      'http://example.org/',
      'http://example.org:8080/x',
      `http://127.0.0.1:${port}/`,
    ]);
    expect(fieldValue(requests[2]!.fields, 'via')).toBe('1.0 tidegate');
  });

  test('fields that claim another target, host, method or client are taken from clients', async () => {
    const { port, requests } = await startFront();
    const claims = [
      'X-Forwarded-Host: evil',
      'X-Forwarded-Proto: https',
      'X-Forwarded-Port: 1',
      'X-Forwarded-Anything: 1',
      'X_Forwarded_Host: evil',
      'X-Original-URL: /admin',
      'X-Rewrite-URL: /admin',
      'X-HTTP-Method-Override: DELETE',
      'X-HTTP-Method: DELETE',
      'X-Method-Override: DELETE',
      'Forwarded: host=evil',
      'X-Host: evil',
      'X-Original-Host: evil',
      'X-Real-IP: 1.2.3.4',
      'X-Forwarded-For: 1.2.3.4',
      'Proxy: http://evil',
    ];
    await exchange(port, get('/', ...claims));
    await exchange(port, get('/'));
    const ofConnection = { connection: expect.anything() };
    expect(requests[0]).toEqual({ ...requests[1], ...ofConnection });
  });

  test('Connection takes away what it names, but nothing that says who asks for what', async () => {
    const { port, requests } = await startFront();
    const named = 'Connection: close, x-hop, Authorization, Cookie, Host, X-Forwarded-For, Via';
    const text = `GET / HTTP/1.1\r\nHost: example.org\r\n${named}\r\nX-Hop: 1\r\nAuthorization: Basic x\r\nCookie: a=b\r\n\r\n`;
    await exchange(port, text);
    const { fields } = requests[0]!;
    expect(fieldValue(fields, 'x-hop')).toBeUndefined();
    const kept = ['authorization', 'cookie', 'host', 'x-forwarded-for', 'via'].map((name) => fieldValue(fields, name));
    expect(kept).toEqual(['Basic x', 'a=b', 'example.org', '127.0.0.1', '1.1 tidegate']);
  });

  test('the rules of the route: query, fields, host of the origin, bypass', async () => {
    const { port, requests } = await startFront({
      rules: {
        query: (name) => name !== 'utm',
        fields: { remove: new Set(['x-gone', 'x-set']), set: ['x-set', 'by route'] },
        originHost: 'internal:8080',
        bypass: (_method, path) => path.startsWith('/past'),
      },
    });
    await exchange(port, get('/past?a=1&utm=2', 'X-Gone: 1', 'X-Set: by client'));
    expect(requests[0]).toMatchObject({ uri: 'http://example.org/past?a=1', target: '/past?a=1', bypass: true });
    const { fields } = requests[0]!;
    expect(['x-gone', 'x-set', 'host', 'x-forwarded-host'].map((name) => fieldLines(fields, name))).toEqual([
      [],
      ['by route'],
      ['internal:8080'],
      ['example.org'],
    ]);
  });

  test('content, and nothing of it when there is none', async () => {
    const seen: string[] = [];
    const { port, requests } = await startFront({
      handle: ({ body }, responder) => {
        void (async () => {
          for await (const chunk of body ?? []) seen.push(Buffer.from(chunk).toString());
          answerText(responder, 'got it');
        })();
        return undefined;
      },
    });
    const post = 'POST / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n';
    expect(bodyText(await exchange(port, `${post}Content-Length: 5\r\n\r\nhello`))).toBe('got it');
    await exchange(port, `${post}Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n`);
    await exchange(port, `${post}Content-Length: 0\r\n\r\n`);
    await exchange(port, get('/', 'Content-Length: 0'));
    expect(seen).toEqual(['hello', 'abc']);
    expect(requests.map(({ body }) => body !== undefined)).toEqual([true, true, false, false]);
    const lengths = requests.map(({ fields }) => fieldValue(fields, 'content-length'));
    expect(lengths).toEqual(['5', undefined, undefined, undefined]);
  });

  test('100 (Continue) is sent when the content is first asked for', async () => {
    let read: (() => void) | undefined;
    const { port } = await startFront({
      handle: ({ body, fields }, responder) => {
        expect(fieldValue(fields, 'expect')).toBeUndefined();
        read = async () => {
          let text = '';
          for await (const chunk of body!) text += Buffer.from(chunk);
          answerText(responder, text);
        };
        return undefined;
      },
    });
    const head = 'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\nExpect: 100-continue\r\nConnection: close\r\n\r\n';
    const client = new RawClient(port).send(head);
    await eventually(() => read !== undefined);
    expect(client.received).toBe('');
    read!();
    await client.until((text) => text === 'HTTP/1.1 100 Continue\r\n\r\n');
    client.send('hi');
    expect(await client.untilClosed()).toMatch(/HTTP\/1\.1 200 OK\r\n[\s\S]*\r\n\r\nhi$/);
  });

  test('a body on GET reaches the gate where the route allows it, past the cache', async () => {
    const { port, requests } = await startFront({ rules: { bodyOnGet: true } });
    expect(statusOf(await exchange(port, `${get('/', 'Content-Length: 2')}hi`))).toBe(200);
    expect(requests[0]).toMatchObject({ bypass: true, body: expect.anything() });
  });

  test('OPTIONS for the gate itself is answered by it; Max-Forwards counts down', async () => {
    const { port, requests } = await startFront();
    const options = (target: string, hops: string) =>
      exchange(port, `OPTIONS ${target} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n${hops}\r\n`);
    expect(valuesOf(await options('*', ''), 'allow')).toHaveLength(1);
    expect(statusOf(await options('/', 'Max-Forwards: 0\r\n'))).toBe(200);
    expect(requests).toEqual([]);
    await options('/', 'Max-Forwards: 3\r\n');
    expect(fieldValue(requests[0]!.fields, 'max-forwards')).toBe('2');
    await exchange(port, get('/', 'Max-Forwards: 3'));
    expect(fieldValue(requests[1]!.fields, 'max-forwards')).toBeUndefined();
    expect(statusOf(await options('/', 'Max-Forwards: x\r\n'))).toBe(400);
  });
});

test('404 without a route, 421 for an unknown host, 508 for a request that comes back', async () => {
  const { port, requests, refusals } = await startFront();
  const noRoute = await exchange(port, get('/none'));
  expect(statusOf(noRoute)).toBe(404);
  expect(valuesOf(noRoute, 'cache-status')).toEqual(['tidegate; detail=refused']);
  expect(bodyText(noRoute)).toContain('got: "/none"');
  expect(statusOf(await exchange(port, get('/').replace('example', 'unknown')))).toBe(421);
  expect(statusOf(await exchange(port, get('/', 'Via: 1.1 other, HTTP/1.1 tidegate (x)')))).toBe(508);
  expect(requests).toEqual([]);
  expect(refusals.map(({ reason }) => reason)).toEqual(['no-route', 'unknown-host', 'loop']);
  await exchange(port, get('/', 'Via: 1.1 other'));
  expect(fieldValue(requests[0]!.fields, 'via')).toBe('1.1 other, 1.1 tidegate');
});

test('a new site holds for the next request on the same connection', async () => {
  let router = routerTo(siteRoute());
  const { port } = await startFront({ site: () => ({ router }) });
  const client = new RawClient(port).send('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
  await client.until((text) => text.endsWith('ok'));
  router = { knowsHost: () => true, match: () => undefined };
  client.send(get('/'));
  expect(await client.untilClosed()).toMatch(/^HTTP\/1\.1 200[\s\S]*HTTP\/1\.1 404/);
});
