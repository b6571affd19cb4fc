import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type RunningDemo, startDemoOrigin } from '../../examples/demo/demo.ts';

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
  test('an item has a lifetime, a strong validator and the tag of its row', async () => {
    const item = await ask(`${demo.url}/v1/users/7`);
    expect(item.body).toEqual({ id: 7, firstName: 'Gus', lastName: 'Larch', email: 'gus.larch@example.org' });
    expect(item.field('cache-control')).toBe('max-age=3600');
    expect(item.field('cache-tag')).toBe('user-7');
    expect(item.field('etag')).toMatch(/^"[\w-]{22}"$/);
    expect(item.field('content-type')).toBe('application/json');
  });

  test('nothing may be stored before the database is followed', async () => {
    const item = await ask(`${demo.url}/v1/users/7`);
    expect(item.field('cdn-cache-control')).toBe('no-store');
    expect(item.field('tidegate-untracked')).toBe('not-live');
  });

  test('a list has the tag of its table, is bounded and goes on after an id', async () => {
    const list = await ask(`${demo.url}/v1/users`);
    expect(list.body).toHaveLength(20);
    expect(list.field('cache-tag')).toBe('users');
    const ids = async (query: string) =>
      (await ask(`${demo.url}/v1/users?${query}`)).body.map((user: { id: number }) => user.id);
    expect(await ids('limit=2&firstName=Gus')).toEqual([7, 17]);
    expect(await ids('limit=2&firstName=Gus&after=17')).toEqual([27, 37]);
    expect(await ids('limit=3&after=10')).toEqual([11, 12, 13]);
  });

  test('a prefix of the name or of the id ends with *', async () => {
    const found = async (query: string) => (await ask(`${demo.url}/v1/users?${query}`)).body;
    expect(new Set((await found('name=La*')).map((user: { firstName: string }) => user.firstName))).toEqual(
      new Set(['Lane', 'Lara']),
    );
    const ids = (await found('id=4*')).map((user: { id: number }) => user.id);
    expect(ids).toEqual([4, 40, 41, 42, 43, 44, 45, 46, 47, 48, 49]);
  });

  test('counts', async () => {
    expect((await ask(`${demo.url}/v1/users/count`)).body).toEqual({ users: 50 });
    expect((await ask(`${demo.url}/v1/users/count?firstName=Lane`)).body).toEqual({ users: 5 });
    expect((await ask(`${demo.url}/v1/orders/count`)).body).toEqual({ orders: 120 });
  });

  test('orders are those of one user, or all', async () => {
    const all = await ask(`${demo.url}/v1/orders?limit=100`);
    expect(all.body).toHaveLength(100);
    const own = await ask(`${demo.url}/v1/orders?userId=8`);
    expect(own.body.map((order: { userId: number }) => order.userId)).toEqual([8, 8, 8]);
  });

  test('the join holds what the parts hold', async () => {
    const joined = await ask(`${demo.url}/v1/users-with-orders?limit=3`);
    expect(joined.field('cache-tag')).toBe('users, orders');
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
    for (const name of ['etag', 'content-length', 'cache-tag']) expect(head.field(name)).toBe(get.field(name));
    expect(head.body).toBeUndefined();
  });
});

describe('writing', () => {
  test('PUT changes the fields given, and keeps a note to itself', async () => {
    const put = await ask(`${demo.url}/v1/users/9`, json('PUT', { firstName: 'Nova', note: 'called' }));
    expect(put).toMatchObject({ status: 200, body: { id: 9, firstName: 'Nova', lastName: 'Oak' } });
    expect(put.body).not.toHaveProperty('note');
    expect(put.field('cache-control')).toBe('no-store');
    expect((await ask(`${demo.url}/v1/users/9`)).body).toEqual(put.body);
  });

  test('POST adds a user', async () => {
    const added = await ask(
      `${demo.url}/v1/users`,
      json('POST', { firstName: "Robert'); DROP TABLE users;--", lastName: 'Yew', email: 'r@example.org' }),
    );
    expect(added.status).toBe(201);
    const path = added.field('location') as string;
    expect(path).toBe(`/v1/users/${added.body.id}`);
    expect((await ask(demo.url + path)).body).toEqual(added.body);
    const missing = await ask(`${demo.url}/v1/users/${added.body.id + 1}`);
    expect(missing).toMatchObject({ status: 404, body: { error: `there is no user ${added.body.id + 1}` } });
    expect(missing.field('cache-tag')).toBe(`user-${added.body.id + 1}`);
  });

  test('DELETE takes the orders along', async () => {
    const gone = await ask(`${demo.url}/v1/users/1`, { method: 'DELETE' });
    expect(gone).toMatchObject({ status: 204, body: undefined });
    expect((await ask(`${demo.url}/v1/users/1`)).status).toBe(404);
    expect((await ask(`${demo.url}/v1/orders?userId=1`)).body).toEqual([]);
    expect((await ask(`${demo.url}/v1/users/1`, { method: 'DELETE' })).status).toBe(404);
  });

  test('POST adds an order to a user that is there', async () => {
    const added = await ask(`${demo.url}/v1/orders`, json('POST', { userId: 3, product: 'oar', quantity: 2 }));
    expect(added).toMatchObject({ status: 201, body: { userId: 3, product: 'oar', quantity: 2 } });
    expect((await ask(demo.url + added.field('location'))).body).toEqual(added.body);
  });
});

describe('what is wrong', () => {
  test.each([
    ['/v1/users?limit=0', /whole number from 1 to 100 as limit, got "0"/],
    ['/v1/users?limit=1;DROP', /as limit, got "1;DROP"/],
    ['/v1/users?after=x', /as after, got "x"/],
    ['/v1/users?name=La', /and then \* as name, got "La"/],
    ['/v1/users?name=%25*', /and then \* as name, got "%\*"/],
    ['/v1/users?id=1*&name=La*', /one of firstName, name and id/],
    ['/v1/users?limit=1&limit=2', /limit once in the query/],
    ['/v1/users?first=Ada', /only limit, after, firstName, name, id in the query, got "first"/],
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
    ['{}', /one of firstName, lastName, email, note, got none/],
    ['{"id":8}', /only firstName, lastName, email, note, got "id"/],
    ['{"firstName":7}', /text of 1 to 200 characters as firstName, got 7/],
    [`{"firstName":"${'x'.repeat(201)}"}`, /got 201 characters/],
  ])('PUT of %j is a 400', async (body, message) => {
    const answer = await ask(`${demo.url}/v1/users/8`, { method: 'PUT', body });
    expect(answer.status).toBe(400);
    expect(answer.body.error).toMatch(message);
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
});
