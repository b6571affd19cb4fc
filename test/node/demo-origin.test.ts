import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { resolveConfig } from '../../src/node/config/config.ts';
import { type RunningDemo, startDemoOrigin } from '../../src/node/demo/demo-origin.ts';
import { demoText } from '../../src/node/demo/demo-text.ts';
import { type RunningGate, startGate } from '../../src/node/serve.ts';

let demo: RunningDemo;
beforeAll(async () => {
  demo = await startDemoOrigin();
});
afterAll(() => demo.close());

interface Answer {
  readonly status: number;
  readonly field: (name: string) => string | null;
  // biome-ignore lint/suspicious/noExplicitAny: JSON of any shape, looked into by the tests
  readonly body: any;
}

async function ask(url: string, init?: RequestInit): Promise<Answer> {
  const response = await fetch(url, init);
  const text = await response.text();
  return {
    status: response.status,
    field: (name) => response.headers.get(name),
    body: text === '' ? undefined : JSON.parse(text),
  };
}

const json = (method: string, body: unknown): RequestInit => ({ method, body: JSON.stringify(body) });

describe('reading', () => {
  test('an item has a lifetime, a strong validator and the group of its row', async () => {
    const item = await ask(`${demo.url}/v1/users/7`);
    expect(item.body).toEqual({ id: 7, firstName: 'Gus', lastName: 'Larch', email: 'gus.larch@example.org' });
    expect(item.field('cache-control')).toBe('max-age=60');
    expect(item.field('cache-groups')).toBe('"user-7"');
    expect(item.field('etag')).toMatch(/^"[\w-]{22}"$/);
    expect(item.field('content-type')).toBe('application/json');
  });

  test('a list has the group of its table and is bounded', async () => {
    const list = await ask(`${demo.url}/v1/users`);
    expect(list.body).toHaveLength(20);
    expect(list.field('cache-groups')).toBe('"users"');
    const few = await ask(`${demo.url}/v1/users?limit=2&firstName=Gus`);
    expect(few.body.map((user: { id: number }) => user.id)).toEqual([7, 17]);
  });

  test('orders are those of one user, or all', async () => {
    const all = await ask(`${demo.url}/v1/orders?limit=100`);
    expect(all.body).toHaveLength(100);
    const own = await ask(`${demo.url}/v1/orders?userId=8`);
    expect(own.body.map((order: { userId: number }) => order.userId)).toEqual([8, 8, 8]);
    expect(own.field('cache-groups')).toBe('"orders-of-user-8"');
  });

  test('the join holds what the parts hold', async () => {
    const joined = await ask(`${demo.url}/v1/users-with-orders?limit=3`);
    expect(joined.field('cache-groups')).toBe('"users", "orders"');
    for (const { orders, ...user } of joined.body) {
      expect(user).toEqual((await ask(`${demo.url}/v1/users/${user.id}`)).body);
      const own = (await ask(`${demo.url}/v1/orders?userId=${user.id}`)).body;
      expect(orders.map((order: object) => ({ ...order, userId: user.id }))).toEqual(
        own.map((order: object) => expect.objectContaining(order)),
      );
    }
  });

  test('a condition that holds is answered with 304', async () => {
    const { field } = await ask(`${demo.url}/v1/users/8`);
    const again = await ask(`${demo.url}/v1/users/8`, { headers: { 'if-none-match': `"x", W/${field('etag')}` } });
    expect(again.status).toBe(304);
    expect(again.field('etag')).toBe(field('etag'));
    expect(again.field('content-type')).toBeNull();
    expect((await ask(`${demo.url}/v1/users/8`, { headers: { 'if-none-match': '"x"' } })).status).toBe(200);
  });

  test('the sitemap names what there is on the host that was asked for', async () => {
    const answer = await fetch(`${demo.url}/sitemap.xml`);
    expect(answer.headers.get('content-type')).toBe('application/xml');
    const text = await answer.text();
    expect(text).toContain(`<loc>${demo.url}/v1/users</loc>`);
    const path = /<loc>http:\/\/[^/]+(\/v1\/users\/8)<\/loc>/.exec(text)?.[1] as string;
    expect((await ask(demo.url + path)).body.id).toBe(8);
  });

  test('HEAD has the fields of GET', async () => {
    const head = await ask(`${demo.url}/v1/users/8`, { method: 'HEAD' });
    const get = await ask(`${demo.url}/v1/users/8`);
    for (const name of ['etag', 'content-length', 'cache-groups']) expect(head.field(name)).toBe(get.field(name));
    expect(head.body).toBeUndefined();
  });
});

describe('writing', () => {
  test('PUT changes the fields given and names the item and the lists', async () => {
    const put = await ask(`${demo.url}/v1/users/9`, json('PUT', { firstName: 'Nova' }));
    expect(put).toMatchObject({ status: 200, body: { id: 9, firstName: 'Nova', lastName: 'Oak' } });
    expect(put.field('cache-group-invalidation')).toBe('"user-9", "users"');
    expect(put.field('cache-control')).toBe('no-store');
    expect((await ask(`${demo.url}/v1/users/9`)).body).toEqual(put.body);
  });

  test('POST adds a user, whose 404 is in its group', async () => {
    const added = await ask(
      `${demo.url}/v1/users`,
      json('POST', { firstName: "Robert'); DROP TABLE users;--", lastName: 'Yew', email: 'r@example.org' }),
    );
    expect(added.status).toBe(201);
    const path = added.field('location') as string;
    expect(path).toBe(`/v1/users/${added.body.id}`);
    expect(added.field('cache-group-invalidation')).toBe(`"user-${added.body.id}", "users"`);
    expect((await ask(demo.url + path)).body).toEqual(added.body);
    const missing = await ask(`${demo.url}/v1/users/${added.body.id + 1}`);
    expect(missing).toMatchObject({ status: 404, body: { error: `there is no user ${added.body.id + 1}` } });
    expect(missing.field('cache-groups')).toBe(`"user-${added.body.id + 1}"`);
  });

  test('DELETE takes the orders along', async () => {
    const gone = await ask(`${demo.url}/v1/users/1`, { method: 'DELETE' });
    expect(gone).toMatchObject({ status: 204, body: undefined });
    expect(gone.field('cache-group-invalidation')).toBe('"user-1", "users", "orders-of-user-1", "orders"');
    expect((await ask(`${demo.url}/v1/users/1`)).status).toBe(404);
    expect((await ask(`${demo.url}/v1/orders?userId=1`)).body).toEqual([]);
    expect((await ask(`${demo.url}/v1/users/1`, { method: 'DELETE' })).status).toBe(404);
  });

  test('POST adds an order to a user that is there', async () => {
    const added = await ask(`${demo.url}/v1/orders`, json('POST', { userId: 3, product: 'oar', quantity: 2 }));
    expect(added).toMatchObject({ status: 201, body: { userId: 3, product: 'oar', quantity: 2 } });
    expect(added.field('cache-group-invalidation')).toBe('"orders-of-user-3", "orders"');
    expect((await ask(demo.url + added.field('location'))).body).toEqual(added.body);
  });
});

describe('what is wrong', () => {
  test.each([
    ['/v1/users?limit=0', /whole number from 1 to 100 as limit, got "0"/],
    ['/v1/users?limit=1;DROP', /as limit, got "1;DROP"/],
    ['/v1/users?limit=1&limit=2', /limit once in the query/],
    ['/v1/users?first=Ada', /only limit, firstName in the query, got "first"/],
    ['/v1/users/seven', /as the id in the path, got "seven"/],
    ['/v1/users/7?x=1', /no query, got "x"/],
  ])('GET %s is a 400', async (path, message) => {
    const answer = await ask(demo.url + path);
    expect(answer.status).toBe(400);
    expect(answer.body.error).toMatch(message);
    expect(answer.field('cache-control')).toBe('no-store');
  });

  test.each([
    ['', /JSON object as content, got none/],
    ['{', /text that is not JSON/],
    ['[]', /got something else/],
    ['{}', /one of firstName, lastName, email, got none/],
    ['{"id":8}', /only firstName, lastName, email, got "id"/],
    ['{"firstName":7}', /text of 1 to 200 characters as firstName, got 7/],
    [`{"firstName":"${'x'.repeat(201)}"}`, /got 201 characters/],
  ])('PUT of %j is a 400', async (body, message) => {
    const answer = await ask(`${demo.url}/v1/users/8`, { method: 'PUT', body });
    expect(answer.status).toBe(400);
    expect(answer.body.error).toMatch(message);
    expect(answer.field('cache-group-invalidation')).toBeNull();
  });

  test('an order of nobody, or of nothing, is a 400', async () => {
    const nobody = await ask(`${demo.url}/v1/orders`, json('POST', { userId: 999, product: 'oar', quantity: 1 }));
    expect(nobody).toMatchObject({ status: 400, body: { error: 'expected the id of a user as userId, got 999' } });
    const none = await ask(`${demo.url}/v1/orders`, json('POST', { userId: 8, product: 'oar', quantity: 0 }));
    expect(none.body.error).toMatch(/as quantity, got 0/);
  });

  test('unknown paths, methods and too much content are told apart', async () => {
    const path = await ask(`${demo.url}/v2/users`);
    expect(path.status).toBe(404);
    expect(path.body.error).toMatch(/one of \/v1\/users, .*, got \/v2\/users/);
    const method = await ask(`${demo.url}/v1/users/8`, { method: 'PATCH', body: '{}' });
    expect(method).toMatchObject({ status: 405, body: { error: 'expected GET, PUT, DELETE, got PATCH' } });
    expect(method.field('allow')).toBe('GET, PUT, DELETE');
    const large = await ask(`${demo.url}/v1/users`, { method: 'POST', body: 'x'.repeat(70_000) });
    expect(large).toMatchObject({ status: 413, body: { error: 'expected at most 65536 bytes of content, got more' } });
    for (const name of ['constructor', '__proto__']) expect((await ask(`${demo.url}/${name}`)).status).toBe(404);
  });

  test('a port in use is named', async () => {
    const port = Number(new URL(demo.url).port);
    await expect(startDemoOrigin({ port })).rejects.toMatchObject({
      code: 'E_PORT',
      message: `expected to listen on 127.0.0.1:${port} for the demo origin, got EADDRINUSE: the port is in use`,
    });
  });
});

describe('behind the gate', () => {
  let gate: RunningGate;
  beforeAll(async () => {
    const origins = { demo: { url: demo.url } };
    gate = await startGate(
      resolveConfig({ listen: { port: 0 }, admin: { port: 0 }, origins, log: { level: 'silent' } }, { env: {} }),
    );
  });
  afterAll(() => gate.close({ graceMs: 0 }));

  const statusOf = (answer: Answer) => answer.field('cache-status');

  test('the second GET is a hit', async () => {
    expect(statusOf(await ask(`${gate.url}/v1/users/7`))).toBe('tidegate; fwd=uri-miss; fwd-status=200; stored');
    const second = await ask(`${gate.url}/v1/users/7`);
    expect(statusOf(second)).toMatch(/^tidegate; hit; ttl=\d+$/);
    expect(second.field('cache-groups')).toBeNull();
  });

  test('its tags are plain names, and its sitemap can be filled', async () => {
    const post = (path: string, body: object) =>
      fetch(gate.adminUrl + path, { method: 'POST', body: JSON.stringify(body) }).then((answer) => answer.json());
    const job = await post('/populate', { sitemap: `${gate.url}/sitemap.xml` });
    const followed = await fetch(`${gate.adminUrl}/populate?job=${(job as { id: string }).id}&follow`);
    const last = JSON.parse((await followed.text()).trim().split('\n').at(-1) as string);
    expect(last).toMatchObject({ state: 'done', refused: 0, failed: 0 });
    expect(last.total).toBeGreaterThan(10);
    expect(statusOf(await ask(`${gate.url}/v1/users/11`))).toMatch(/; hit/);
    expect(await post('/invalidate', { tag: 'user-11' })).toMatchObject({ matched: 1 });
  });

  test('after a write, the item and each list are right, and other items are still hits', async () => {
    const lists = ['/v1/users?limit=20', '/v1/users?firstName=Zoe', '/v1/users-with-orders?limit=12'];
    const paths = ['/v1/users/12', '/v1/users/13', ...lists];
    for (const path of paths) await ask(gate.url + path);
    for (const path of paths) expect(statusOf(await ask(gate.url + path))).toMatch(/; hit/);
    expect((await ask(`${gate.url}/v1/users/12`, json('PUT', { firstName: 'Zoe' }))).status).toBe(200);
    expect((await ask(`${gate.url}/v1/users/12`)).body.firstName).toBe('Zoe');
    for (const path of lists) {
      const { body } = await ask(gate.url + path);
      expect(body.find((user: { id: number }) => user.id === 12)?.firstName).toBe('Zoe');
    }
    expect(statusOf(await ask(`${gate.url}/v1/users/13`))).toMatch(/; hit/);
  });

  test('a stored 404 does not outlive the creation of what it denies', async () => {
    const before = await ask(`${gate.url}/v1/users?limit=100`);
    const next = Math.max(...before.body.map((user: { id: number }) => user.id)) + 1;
    await ask(`${gate.url}/v1/users/${next}`);
    const denied = await ask(`${gate.url}/v1/users/${next}`);
    expect([denied.status, statusOf(denied)]).toEqual([404, expect.stringMatching(/; hit/)]);
    const added = await ask(`${gate.url}/v1/users`, json('POST', { firstName: 'A', lastName: 'B', email: 'c' }));
    expect(added.body.id).toBe(next);
    expect((await ask(`${gate.url}/v1/users/${next}`)).status).toBe(200);
    expect((await ask(`${gate.url}/v1/users?limit=100`)).body).toContainEqual(added.body);
  });
});

describe('the text of npm start', () => {
  test('names both listeners, and the admin API only where commands would not find it', () => {
    const text = demoText('http://127.0.0.1:8080', 'http://127.0.0.1:9999');
    expect(text).toContain('curl -i http://127.0.0.1:8080/v1/users/7\n');
    expect(text).toContain('tidegate -- explain http://127.0.0.1:8080/v1/users/7 --admin http://127.0.0.1:9999\n');
    expect(text).not.toContain('npx');
    expect(demoText('http://127.0.0.1:8080', 'http://127.0.0.1:8081')).not.toContain('--admin');
  });
});
