import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type AdmissionDeps, admit } from '../../src/node/admission.ts';
import { fieldLines, fieldValue } from '../../src/semantics/fields.ts';
import {
  answerText,
  bodyText,
  eventually,
  exchange,
  FedBody,
  get,
  LIMITS,
  RawClient,
  routerTo,
  siteRoute,
  startFront,
  statusOf,
  storedAnswer,
  streamedAnswer,
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
      cookie: ['a=b', 'c=d'],
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
    expect(requests[0]).toEqual(requests[1]);
  });

  test('a trusted peer states scheme, host and client; what is not in the key bypasses the cache', async () => {
    const { port, requests } = await startFront({ trust: (address) => address === '127.0.0.1' });
    const said = ['X-Forwarded-Proto: https', 'X-Forwarded-Host: Shop.example:443', 'X-Forwarded-For: 1.2.3.4'];
    await exchange(port, get('/', ...said));
    await exchange(port, get('/', 'X-Original-URL: /other', 'X-Real-IP: 1.2.3.4'));
    const [stated, overridden] = requests;
    expect(stated).toMatchObject({ uri: 'https://shop.example/', bypass: false });
    expect(fieldValue(stated!.fields, 'host')).toBe('shop.example');
    expect(fieldValue(stated!.fields, 'x-forwarded-for')).toBe('1.2.3.4, 127.0.0.1');
    expect(fieldValue(stated!.fields, 'x-forwarded-proto')).toBe('https');
    expect(overridden!.bypass).toBe(true);
    expect(fieldValue(overridden!.fields, 'x-original-url')).toBe('/other');
    expect(statusOf(await exchange(port, get('/', 'X-Forwarded-Proto: gopher')))).toBe(400);
    expect(statusOf(await exchange(port, get('/', 'X-Forwarded-Host: a/b')))).toBe(400);
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
        query: { kind: 'drop', names: new Set(['utm']) },
        fields: { remove: new Set(['x-gone']), set: ['x-set', 'by route'] },
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
    expect(statusOf(await options('/', 'Max-Forwards: x\r\n'))).toBe(400);
  });
});

describe('what the client gets', () => {
  const FIELDS = ['content-type', 'text/plain', 'date', 'Tue, 01 Jan 2030 00:00:00 GMT', 'content-length', '99'];

  test('a stored response with the fields added, its length and its date', async () => {
    const { port } = await startFront({
      handle: (_request, responder) => void responder.respond(storedAnswer('hello', FIELDS)),
    });
    const answer = await exchange(port, get('/'));
    expect(statusOf(answer)).toBe(200);
    expect(bodyText(answer)).toBe('hello');
    expect(valuesOf(answer, 'content-length')).toEqual(['5']);
    expect(valuesOf(answer, 'date')).toEqual(['Tue, 01 Jan 2030 00:00:00 GMT']);
    expect(valuesOf(answer, 'age')).toEqual(['7']);
    expect(valuesOf(answer, 'transfer-encoding')).toEqual([]);
    const head = await exchange(port, get('/').replace('GET', 'HEAD'));
    expect(bodyText(head)).toBe('');
    expect(valuesOf(head, 'content-length')).toEqual(['5']);
  });

  test('a date where the origin gave none', async () => {
    const { port } = await startFront();
    expect(valuesOf(await exchange(port, get('/')), 'date')).toHaveLength(1);
  });

  test.each([
    [204, ['content-length', '0'], []],
    [304, ['content-length', '12', 'etag', '"a"'], ['12']],
    [304, ['etag', '"a"'], []],
  ])('a %i without content, and with the length %j', async (status, fields, lengths) => {
    const { port } = await startFront({
      handle: (_request, responder) =>
        void responder.respond({ kind: 'whole', head: { status, fields }, body: undefined, outcome: { hit: true } }),
    });
    const client = new RawClient(port).send(get('/').replace('close', 'keep-alive') + get('/'));
    const answers = await client.untilClosed();
    expect(answers.match(new RegExp(`HTTP/1.1 ${status}`, 'g'))).toHaveLength(2);
    expect(valuesOf(answers, 'content-length')).toEqual(lengths);
    expect(answers).not.toMatch(/transfer-encoding/i);
  });

  test('answers in the order of the requests, however late the first comes', async () => {
    let late: (() => void) | undefined;
    const { port } = await startFront({
      handle: ({ target }, responder) => {
        if (target !== '/1') return answerText(responder, target);
        late = () => answerText(responder, target);
        return undefined;
      },
    });
    const keep = (path: string) => `GET ${path} HTTP/1.1\r\nHost: a\r\n\r\n`;
    const client = new RawClient(port).send(keep('/1') + keep('/2') + get('/3'));
    await eventually(() => late !== undefined);
    late!();
    const answers = await client.untilClosed();
    expect(answers.match(/\/\d(?=HTTP|$)/g)).toEqual(['/1', '/2', '/3']);
  });

  test('a streamed body in chunks as they come, with trailers', async () => {
    const body = new FedBody().trail(['x-sum', '1', 'content-length', '9', 'bad\r\n', 'x']);
    const { port } = await startFront({
      handle: (_request, responder) =>
        void responder.respond(streamedAnswer(body, ['trailer', 'x-sum', 'connection', 'x'])),
    });
    const client = new RawClient(port).send(get('/'));
    await client.until((text) => text.endsWith('\r\n\r\n'));
    expect(valuesOf(client.received, 'trailer')).toEqual(['x-sum']);
    body.feed('abc');
    await client.until((text) => text.includes('3\r\nabc\r\n'));
    body.feed('defg', 'end');
    expect(await client.untilClosed()).toMatch(/\r\n\r\n3\r\nabc\r\n4\r\ndefg\r\n0\r\nx-sum: 1\r\n\r\n$/);
  });

  test('a streamed body of a length the origin has stated', async () => {
    const body = new FedBody().feed('abc', 'def', 'end');
    const { port, ends } = await startFront({
      handle: (_request, responder) =>
        void responder.respond(streamedAnswer(body, ['content-length', '6', 'trailer', 'x'])),
    });
    const answer = await exchange(port, get('/'));
    expect(bodyText(answer)).toBe('abcdef');
    expect(valuesOf(answer, 'transfer-encoding')).toEqual([]);
    expect(ends).toMatchObject([{ status: 200, bodyBytes: 6, complete: true, peer: '127.0.0.1' }]);
  });

  test('a streamed answer to HEAD and to HTTP/1.0', async () => {
    const bodies: FedBody[] = [];
    const { port } = await startFront({
      handle: (_request, responder) => {
        bodies.push(new FedBody().feed('abc', 'end'));
        responder.respond(streamedAnswer(bodies.at(-1)!, ['x', 'y']));
        return undefined;
      },
    });
    const head = await exchange(port, get('/').replace('GET', 'HEAD'));
    expect(bodyText(head)).toBe('');
    expect(bodies[0]!.read()).toBe('pending');
    const old = await exchange(port, 'GET / HTTP/1.0\r\nHost: a\r\n\r\n');
    expect(bodyText(old)).toBe('abc');
    expect(valuesOf(old, 'transfer-encoding')).toEqual([]);
  });

  test('no more is read of a body than the client takes', async () => {
    const chunk = new Uint8Array(64 * 1024);
    const body = new FedBody().feed(...Array.from({ length: 500 }, () => chunk), 'end');
    const { port } = await startFront({
      handle: (_request, responder) => void responder.respond(streamedAnswer(body)),
    });
    const client = new RawClient(port);
    client.socket.pause();
    client.send(get('/'));
    await eventually(() => body.reads > 0);
    let before = -1;
    for (let quiet = 0; quiet < 50; quiet = before === body.reads ? quiet + 1 : 0) {
      before = body.reads;
      await eventually(() => true);
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect(body.reads).toBeLessThan(400);
    client.socket.resume();
    const answer = await client.untilClosed();
    expect(answer.length).toBeGreaterThan(500 * chunk.length);
    expect(answer.endsWith('0\r\n\r\n')).toBe(true);
  });

  test('interim responses with their fields, but not 100 and 101, and none in HTTP/1.0', async () => {
    const { port } = await startFront({
      handle: (_request, responder) => {
        for (const status of [100, 101, 102, 103, 150])
          responder.interim({ status, fields: ['link', '</a>; rel=preload'] });
        responder.interim({ status: 103, fields: ['bad', 'a\r\nb'] });
        answerText(responder, 'ok');
        responder.interim({ status: 103, fields: [] });
        return undefined;
      },
    });
    const answer = await exchange(port, get('/'));
    expect(answer.match(/HTTP\/1\.1 \d+/g)).toEqual(['102', '103', '150', '200'].map((status) => `HTTP/1.1 ${status}`));
    expect(answer.match(/link: <\/a>; rel=preload/g)).toHaveLength(3);
    const old = await exchange(port, 'GET / HTTP/1.0\r\nHost: a\r\n\r\n');
    expect(old.match(/HTTP\/1\.1 \d+/g)).toEqual(['HTTP/1.1 200']);
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

describe('closing', () => {
  test('running exchanges finish with Connection: close, idle connections end, no more are accepted', async () => {
    let finish: (() => void) | undefined;
    const { port, front } = await startFront({
      handle: ({ target }, responder) => {
        if (target !== '/slow') return answerText(responder, 'fast');
        finish = () => answerText(responder, 'slow');
        return undefined;
      },
    });
    const idle = new RawClient(port).send('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
    await idle.until((text) => text.endsWith('fast'));
    const unused = new RawClient(port);
    const slow = new RawClient(port).send('GET /slow HTTP/1.1\r\nHost: a\r\n\r\n');
    await eventually(() => finish !== undefined && front.connections() === 3);
    const closed = front.close({ graceMs: 10_000 });
    await idle.untilClosed();
    await unused.untilClosed();
    const refusedClient = new RawClient(port);
    await refusedClient.untilClosed();
    expect(refusedClient.error).toMatchObject({ code: 'ECONNREFUSED' });
    finish!();
    const answer = await slow.untilClosed();
    expect(bodyText(answer)).toBe('slow');
    expect(valuesOf(answer, 'connection')).toEqual(['close']);
    await closed;
  });

  test('an answer whose head had promised more still ends its connection', async () => {
    const body = new FedBody().feed('a');
    const { port, front } = await startFront({
      handle: (_request, responder) => void responder.respond(streamedAnswer(body)),
    });
    const client = new RawClient(port).send('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
    await client.until((text) => text.endsWith('a\r\n'));
    expect(valuesOf(client.received, 'connection')).toEqual(['keep-alive']);
    const closed = front.close({ graceMs: 10_000 });
    body.feed('end');
    expect(await client.untilClosed()).toMatch(/0\r\n\r\n$/);
    await closed;
  });

  test('a large answer that is written but not read yet still gets through', async () => {
    const text = 'x'.repeat(20_000_000);
    const { port, front } = await startFront({ handle: (_request, responder) => answerText(responder, text) });
    const client = new RawClient(port);
    client.socket.pause();
    client.send('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
    await eventually(() => client.socket.readableLength > 0);
    const closed = front.close({ graceMs: 10_000 });
    client.socket.resume();
    expect(bodyText(await client.untilClosed())).toHaveLength(text.length);
    await closed;
  });

  test('what is left after the grace is cut off', async () => {
    let cancelled = false;
    const { port, front, requests } = await startFront({
      handle: () => () => {
        cancelled = true;
      },
    });
    const client = new RawClient(port).send(get('/'));
    await eventually(() => requests.length > 0);
    await front.close({ graceMs: 1 });
    expect(await client.untilClosed()).toBe('');
    await eventually(() => cancelled);
  });
});

test('a port in use is an error that says so', async () => {
  const { port, front } = await startFront();
  await expect(front.listen({ host: '127.0.0.1', port })).rejects.toThrow();
  const { createFront } = await import('../../src/node/front.ts');
  const other = createFront({
    site: () => ({ router: routerTo(siteRoute()) }),
    gate: {} as never,
    limits: LIMITS,
    trust: () => false,
    originUrlOf: () => '',
  });
  await expect(other.listen({ host: '127.0.0.1', port })).rejects.toMatchObject({ code: 'E_PORT' });
});

test('equal cache keys imply equal forwarded requests', () => {
  const part = (...values: string[]) => fc.constantFrom(...values);
  const targets = part(
    '/',
    '/a',
    '/a?',
    '/a?b=1&c=2',
    '/a?c=2&b=1',
    '/%61',
    '/a?utm=1&b=1',
    '/a?%75tm=1&b=1',
    '/a?b=1',
    '/A',
  );
  const hosts = part('a.example', 'A.EXAMPLE', 'a.example:80', 'a.example:443', 'a.example:8080', 'a.example.');
  const claims = fc.subarray([
    ['X-Forwarded-Host', 'b.example'],
    ['X-Forwarded-Host', 'a.example:80'],
    ['x-forwarded-proto', 'https'],
    ['X-Forwarded-Proto', 'http'],
    ['X-Forwarded-Port', '1'],
    ['X-Forwarded-Prefix', '/p'],
    ['X-Original-URL', '/o'],
    ['X_HTTP_Method_Override', 'PUT'],
    ['X-HTTP-Method-Override', 'PUT'],
    ['Forwarded', 'host=c.example'],
    ['X-Host', 'd.example'],
    ['Connection', 'host, x-forwarded-host'],
    ['Content-Length', '0'],
  ]);
  const request = fc.record({
    absolute: part('', 'http://'),
    method: part('GET', 'HEAD', 'POST'),
    target: targets,
    host: hosts,
    claims,
    trusted: fc.boolean(),
    originHost: part('client', 'internal'),
  });
  const rules = fc.record({
    query: part('all', 'keep', 'drop'),
    sortQuery: fc.boolean(),
    originHost: fc.constantFrom(undefined, 'internal'),
  });
  fc.assert(
    fc.property(rules, fc.array(request, { minLength: 2, maxLength: 12 }), ({ query, ...rest }, requests) => {
      const names = new Set(['utm']);
      const site = siteRoute({
        ...rest,
        query: query === 'all' ? { kind: 'all' } : { kind: query as 'keep' | 'drop', names },
      });
      const forwarded = new Map<string, unknown>();
      for (const { absolute, method, target, host, claims: made, trusted } of requests) {
        const deps: AdmissionDeps = {
          router: () => routerTo(site),
          limits: LIMITS,
          trust: () => trusted,
          cacheName: 'tidegate',
        };
        const raw = {
          method,
          target: absolute === '' ? target : `${absolute}${host}${target}`,
          httpVersion: '1.1',
          rawHeaders: ['Host', host, ...made.flat()],
        };
        const admission = admit(raw, { address: '10.0.0.1', localAuthority: () => 'local' }, deps);
        if (admission.kind !== 'admitted' || admission.request.bypass) continue;
        const { uri, fields } = admission.request;
        // What names a place or a method, by whatever name, is all forwarded from the key.
        const seen = { target: admission.request.target, fields };
        const key = `${method} ${uri}`;
        expect(forwarded.get(key) ?? seen).toEqual(seen);
        forwarded.set(key, seen);
        expect(uri).toMatch(/^https?:\/\/[a-z0-9.:]+\//);
        expect(uri.endsWith(admission.request.target)).toBe(true);
      }
    }),
    { numRuns: 500 },
  );
});
