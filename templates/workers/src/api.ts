// The REST API of the demo, in Hono. `Cache-Tag` says what an answer was read from; after a write, `invalidate` says what is
// outdated, and returns when no isolate anywhere serves it any more.

import { type Context, Hono } from 'hono';
import type { GateExecutionContext } from 'tidegate/workers';
import { type Database, demoData } from './data.ts';
import {
  BadRequest,
  contentOf,
  ORDER_FIELDS,
  pageOf,
  parameters,
  prefixOf,
  textOf,
  USER_FIELDS,
  wholeNumber,
} from './input.ts';

export interface Env {
  readonly DB: Database;
  readonly TIDEGATE_KV: object;
  readonly TIDEGATE_LOG: object;
  readonly ENVIRONMENT: string;
}

type Asked = Context<{ Bindings: Env }>;

export const api = new Hono<{ Bindings: Env }>();

api.onError((error) => {
  if (error instanceof BadRequest) return json({ error: error.message }, { status: 400 });
  console.error(error);
  return json({ error: 'the request failed' }, { status: 500, headers: { 'cache-control': 'no-store' } });
});

const data = (asked: Asked) => demoData(asked.env.DB);
const idOf = (asked: Asked) => wholeNumber('the id in the path', asked.req.param('id') ?? '', Number.MAX_SAFE_INTEGER);
const json = (
  body: unknown,
  { status = 200, headers = {} }: { status?: number; headers?: Record<string, string> } = {},
) => new Response(`${JSON.stringify(body)}\n`, { status, headers: { 'content-type': 'application/json', ...headers } });
const refusal = (status: number, error: string, headers: Record<string, string> = {}) =>
  json({ error }, { status, headers });
/** An answer that may be stored, with the tags of what was read. */
const answer = (tags: readonly string[], body: unknown, status = 200) =>
  json(body, { status, headers: { 'cache-tag': tags.join(',') } });
const noUser = (id: number) => `there is no user ${id}`;

function invalidate(asked: Asked, tags: string[]): Promise<unknown> {
  return (asked.executionCtx as unknown as GateExecutionContext).tidegate.invalidate({ tags });
}

api.get('/v1/users', async (asked) => {
  const { firstName, name, id, ...page } = parameters(asked, ['limit', 'after', 'firstName', 'name', 'id']);
  if ([firstName, name, id].filter((given) => given !== undefined).length > 1) {
    throw new BadRequest('expected one of firstName, name and id in the query, got more');
  }
  const filter = { firstName, name: prefixOf('name', name), id: prefixOf('id', id) };
  return answer(['users'], await data(asked).users(filter, pageOf(page)));
});

api.get('/v1/users/count', async (asked) => {
  const { firstName } = parameters(asked, ['firstName']);
  return answer(['users'], { users: await data(asked).countUsers(firstName) });
});

// A 404 may be stored, too: the POST that creates the user invalidates it.
api.get('/v1/users/:id', async (asked) => {
  const id = idOf(asked);
  parameters(asked, []);
  const user = await data(asked).user(id);
  return user === undefined ? answer([`user-${id}`], { error: noUser(id) }, 404) : answer([`user-${id}`], user);
});

api.post('/v1/users', async (asked) => {
  parameters(asked, []);
  const { firstName, lastName, email, note } = await contentOf(asked, USER_FIELDS);
  if (firstName === undefined || lastName === undefined || email === undefined) {
    throw new BadRequest('expected firstName, lastName and email, got fewer');
  }
  const user = await data(asked).addUser({ firstName, lastName, email, note } as never);
  await invalidate(asked, ['users', `user-${user.id}`]);
  return json(user, { status: 201, headers: { location: `/v1/users/${user.id}` } });
});

api.put('/v1/users/:id', async (asked) => {
  const id = idOf(asked);
  parameters(asked, []);
  const user = await data(asked).changeUser(id, (await contentOf(asked, USER_FIELDS)) as never);
  await invalidate(asked, ['users', `user-${id}`]);
  return user === undefined ? refusal(404, noUser(id)) : json(user);
});

api.delete('/v1/users/:id', async (asked) => {
  const id = idOf(asked);
  parameters(asked, []);
  const isRemoved = await data(asked).removeUser(id);
  // The orders go with their user.
  await invalidate(asked, ['users', `user-${id}`, 'orders', `orders-of-${id}`]);
  return isRemoved ? new Response(null, { status: 204 }) : refusal(404, noUser(id));
});

api.get('/v1/orders', async (asked) => {
  const { userId, ...page } = parameters(asked, ['userId', 'limit', 'after']);
  const id = userId === undefined ? undefined : wholeNumber('userId', userId, Number.MAX_SAFE_INTEGER);
  return answer([id === undefined ? 'orders' : `orders-of-${id}`], await data(asked).orders(id, pageOf(page)));
});

api.get('/v1/orders/count', async (asked) => {
  parameters(asked, []);
  return answer(['orders'], { orders: await data(asked).countOrders() });
});

api.get('/v1/orders/:id', async (asked) => {
  const id = idOf(asked);
  parameters(asked, []);
  const order = await data(asked).order(id);
  if (order === undefined) return answer([`order-${id}`], { error: `there is no order ${id}` }, 404);
  return answer([`order-${id}`, `orders-of-${order.userId}`], order);
});

api.post('/v1/orders', async (asked) => {
  parameters(asked, []);
  const { userId, product, quantity } = await contentOf(asked, ORDER_FIELDS);
  const isId = typeof userId === 'number' && Number.isSafeInteger(userId);
  const user = isId ? await data(asked).user(userId) : undefined;
  if (user === undefined) throw new BadRequest(`expected the id of a user as userId, got ${JSON.stringify(userId)}`);
  if (typeof quantity !== 'number' || !Number.isInteger(quantity) || quantity < 1 || quantity > 1000) {
    throw new BadRequest(`expected a whole number from 1 to 1000 as quantity, got ${JSON.stringify(quantity)}`);
  }
  const order = await data(asked).addOrder({ userId: user.id, product: textOf('product', product), quantity });
  await invalidate(asked, ['orders', `orders-of-${user.id}`, `order-${order.id}`]);
  return json(order, { status: 201, headers: { location: `/v1/orders/${order.id}` } });
});

api.get('/v1/users-with-orders', async (asked) => {
  const page = pageOf(parameters(asked, ['limit', 'after']));
  return answer(['users', 'orders'], await data(asked).usersWithOrders(page));
});

/** All users, and the lists (sitemaps.org). */
api.get('/sitemap.xml', async (asked) => {
  parameters(asked, []);
  const { host } = new URL(asked.req.url);
  const users = await data(asked).users({}, { after: 0, limit: 100 });
  const paths = ['/v1/users', '/v1/orders', ...users.map(({ id }) => `/v1/users/${id}`)];
  const urls = paths.map((path) => `<url><loc>http://${host}${path}</loc></url>`);
  const text = `<urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">\n${urls.join('\n')}\n</urlset>\n`;
  return new Response(text, { headers: { 'content-type': 'application/xml', 'cache-tag': 'users' } });
});

/** What each path takes, of the routes above. */
const METHODS = new Map<string, string[]>();
for (const { path, method } of api.routes) {
  if (method !== 'ALL') METHODS.set(path, [...(METHODS.get(path) ?? []), method]);
}

for (const [path, methods] of METHODS) {
  const allow = methods.join(', ');
  api.all(path, ({ req }) => refusal(405, `expected ${allow}, got ${req.method}`, { allow }));
}

api.notFound(({ req }) => refusal(404, `expected one of ${[...METHODS.keys()].join(', ')}, got ${req.path}`));
