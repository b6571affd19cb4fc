// The REST API of the demo: a request in, an answer out, without a socket.
//
// The tags are names for operators to invalidate by, e.g. `user-7`. They do not decide which answers a write
// invalidates: the reads of each answer do (demo.ts).

import type { DemoData, NewOrder, NewUser, Page } from './data.ts';

export interface DemoRequest {
  /** HEAD comes as GET. */
  readonly method: string;
  /** Path and query. */
  readonly target: string;
  /** Content as text; empty when there is none. */
  readonly content: string;
  /** Host and port that the client asked for. */
  readonly host: string;
}

export interface DemoAnswer {
  readonly status: number;
  /** Sent as JSON; undefined when there is no content. */
  readonly body: unknown;
  /** The media type of a text body, which is sent unchanged. */
  readonly mediaType?: string;
  readonly allow?: string;
  readonly location?: string;
  /** Tags of a storable answer; absent when the answer may not be stored. */
  readonly tags?: readonly string[];
}

/** A problem of a request, thrown where it is noticed. */
class BadRequest extends Error {}

type Handler = (data: DemoData, asked: Asked) => DemoAnswer;

interface Asked {
  /** The number in the path, or 0. */
  readonly id: number;
  readonly query: URLSearchParams;
  readonly content: string;
  readonly host: string;
}

const ROUTES: { readonly [path: string]: { readonly [method: string]: Handler } } = {
  '/v1/users': { GET: listUsers, POST: addUser },
  '/v1/users/count': { GET: countUsers },
  '/v1/users/:id': { GET: showUser, PUT: changeUser, DELETE: removeUser },
  '/v1/orders': { GET: listOrders, POST: addOrder },
  '/v1/orders/count': { GET: countOrders },
  '/v1/orders/:id': { GET: showOrder },
  '/v1/users-with-orders': { GET: listUsersWithOrders },
  '/sitemap.xml': { GET: showSitemap },
};

/** Answers one request; a wrong one gets 400, 404 or 405. */
export function answerDemo(data: DemoData, request: DemoRequest): DemoAnswer {
  const url = URL.parse(request.target.startsWith('/') ? `http://demo${request.target}` : '');
  if (url === null) return refusal(400, `expected a path and query, got ${JSON.stringify(request.target)}`);
  const { path, id } = routeOf(url.pathname);
  const handlers = Object.hasOwn(ROUTES, path) ? ROUTES[path] : undefined;
  if (handlers === undefined) {
    return refusal(404, `expected one of ${Object.keys(ROUTES).join(', ')}, got ${url.pathname}`);
  }
  const handler = Object.hasOwn(handlers, request.method) ? handlers[request.method] : undefined;
  const allow = Object.keys(handlers).join(', ');
  if (handler === undefined) return { ...refusal(405, `expected ${allow}, got ${request.method}`), allow };
  try {
    const { content, host } = request;
    return handler(data, { id: idOf(id), query: url.searchParams, content, host });
  } catch (error) {
    if (error instanceof BadRequest) return refusal(400, error.message);
    throw error;
  }
}

export function refusal(status: number, message: string): DemoAnswer {
  return { status, body: { error: message } };
}

function routeOf(pathname: string): { path: string; id: string | undefined } {
  const parts = /^(\/v1\/(?:users|orders))\/(?!count$)([^/]+)$/.exec(pathname);
  return parts === null ? { path: pathname, id: undefined } : { path: `${parts[1]}/:id`, id: parts[2] };
}

function idOf(text: string | undefined): number {
  return text === undefined ? 0 : wholeNumber('the id in the path', text, Number.MAX_SAFE_INTEGER);
}

function listUsers(data: DemoData, { query }: Asked): DemoAnswer {
  const { firstName, name, id, ...page } = parameters(query, ['limit', 'after', 'firstName', 'name', 'id']);
  if ([firstName, name, id].filter((given) => given !== undefined).length > 1) {
    throw new BadRequest('expected one of firstName, name and id in the query, got more');
  }
  const filter = { firstName, name: prefixOf('name', name), id: prefixOf('id', id) };
  return { status: 200, body: data.users(filter, pageOf(page)), tags: ['users'] };
}

function countUsers(data: DemoData, { query }: Asked): DemoAnswer {
  const { firstName } = parameters(query, ['firstName']);
  return { status: 200, body: { users: data.countUsers(firstName) }, tags: ['users'] };
}

/** A 404 may be stored, too: the POST that creates the user invalidates it. */
function showUser(data: DemoData, { id, query }: Asked): DemoAnswer {
  parameters(query, []);
  const user = data.user(id);
  const found = user === undefined ? noUser(id) : { status: 200, body: user };
  return { ...found, tags: [`user-${id}`] };
}

function addUser(data: DemoData, { query, content }: Asked): DemoAnswer {
  parameters(query, []);
  const { firstName, lastName, email, note } = userFields(content);
  if (firstName === undefined || lastName === undefined || email === undefined) {
    throw new BadRequest('expected firstName, lastName and email, got fewer');
  }
  const user = data.addUser({ firstName, lastName, email, note });
  return { status: 201, body: user, location: `/v1/users/${user.id}` };
}

function changeUser(data: DemoData, { id, query, content }: Asked): DemoAnswer {
  parameters(query, []);
  const user = data.changeUser(id, userFields(content));
  return user === undefined ? noUser(id) : { status: 200, body: user };
}

function removeUser(data: DemoData, { id, query }: Asked): DemoAnswer {
  parameters(query, []);
  return data.removeUser(id) ? { status: 204, body: undefined } : noUser(id);
}

function listOrders(data: DemoData, { query }: Asked): DemoAnswer {
  const { userId, ...page } = parameters(query, ['userId', 'limit', 'after']);
  const id = userId === undefined ? undefined : wholeNumber('userId', userId, Number.MAX_SAFE_INTEGER);
  return { status: 200, body: data.orders(id, pageOf(page)), tags: ['orders'] };
}

function countOrders(data: DemoData, { query }: Asked): DemoAnswer {
  parameters(query, []);
  return { status: 200, body: { orders: data.countOrders() }, tags: ['orders'] };
}

function showOrder(data: DemoData, { id, query }: Asked): DemoAnswer {
  parameters(query, []);
  const order = data.order(id);
  const found = order === undefined ? refusal(404, `there is no order ${id}`) : { status: 200, body: order };
  return { ...found, tags: [`order-${id}`] };
}

function addOrder(data: DemoData, { query, content }: Asked): DemoAnswer {
  parameters(query, []);
  const order = data.addOrder(orderFields(data, content));
  return { status: 201, body: order, location: `/v1/orders/${order.id}` };
}

function listUsersWithOrders(data: DemoData, { query }: Asked): DemoAnswer {
  const page = pageOf(parameters(query, ['limit', 'after']));
  return { status: 200, body: data.usersWithOrders(page), tags: ['users', 'orders'] };
}

/** All users, and the lists (sitemaps.org), for `tidegate populate --sitemap`. */
function showSitemap(data: DemoData, { query, host }: Asked): DemoAnswer {
  parameters(query, []);
  if (!/^[\w.:[\]-]+$/.test(host)) throw new BadRequest(`expected a host, got ${JSON.stringify(host)}`);
  const items = data.users({}, { after: 0, limit: MAX_LIMIT }).map(({ id }) => `/v1/users/${id}`);
  const urls = ['/v1/users', '/v1/orders', ...items].map((path) => `<url><loc>http://${host}${path}</loc></url>`);
  const body = `<urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">\n${urls.join('\n')}\n</urlset>\n`;
  return { status: 200, body, mediaType: 'application/xml', tags: ['users'] };
}

function noUser(id: number): DemoAnswer {
  return refusal(404, `there is no user ${id}`);
}

const DEFAULT_LIMIT = 20;
const MAX_LIMIT = 100;

function pageOf({ after, limit }: { readonly [name: string]: string }): Page {
  return {
    after: after === undefined ? 0 : wholeNumber('after', after, Number.MAX_SAFE_INTEGER),
    limit: limit === undefined ? DEFAULT_LIMIT : wholeNumber('limit', limit, MAX_LIMIT),
  };
}

/** `La*` is `La`. */
function prefixOf(name: string, text: string | undefined): string | undefined {
  if (text === undefined) return undefined;
  if (/^[\p{L}\p{N} '.-]{1,40}\*$/u.test(text)) return text.slice(0, -1);
  throw new BadRequest(`expected letters or digits and then * as ${name}, got ${JSON.stringify(text)}`);
}

function wholeNumber(what: string, text: string, most: number): number {
  const number = /^[0-9]{1,16}$/.test(text) ? Number(text) : 0;
  if (number >= 1 && number <= most) return number;
  throw new BadRequest(`expected a whole number from 1 to ${most} as ${what}, got ${JSON.stringify(text)}`);
}

/** The query's parameters; refuses an unknown or repeated name. */
function parameters(query: URLSearchParams, known: readonly string[]): { readonly [name: string]: string } {
  for (const name of query.keys()) {
    if (!known.includes(name)) {
      const expected = known.length === 0 ? 'no query' : `only ${known.join(', ')} in the query`;
      throw new BadRequest(`expected ${expected}, got ${JSON.stringify(name)}`);
    }
    if (query.getAll(name).length > 1) throw new BadRequest(`expected ${name} once in the query, got it more often`);
  }
  return Object.fromEntries(query);
}

const USER_FIELDS = ['firstName', 'lastName', 'email', 'note'] as const;

/** The fields given, at least one. */
function userFields(content: string): Partial<NewUser> {
  const given = jsonObject(content, USER_FIELDS);
  if (Object.keys(given).length === 0) throw new BadRequest(`expected one of ${USER_FIELDS.join(', ')}, got none`);
  return Object.fromEntries(Object.entries(given).map(([name, value]) => [name, text(name, value)]));
}

function orderFields(data: DemoData, content: string): NewOrder {
  const { userId, product, quantity } = jsonObject(content, ['userId', 'product', 'quantity']);
  const user = typeof userId === 'number' && Number.isSafeInteger(userId) ? data.user(userId) : undefined;
  if (user === undefined) throw new BadRequest(`expected the id of a user as userId, got ${JSON.stringify(userId)}`);
  if (typeof quantity !== 'number' || !Number.isInteger(quantity) || quantity < 1 || quantity > 1000) {
    throw new BadRequest(`expected a whole number from 1 to 1000 as quantity, got ${JSON.stringify(quantity)}`);
  }
  return { userId: user.id, product: text('product', product), quantity };
}

const MAX_TEXT = 200;

function text(name: string, value: unknown): string {
  if (typeof value === 'string' && value !== '' && value.length <= MAX_TEXT) return value;
  const got = typeof value === 'string' ? `${value.length} characters` : JSON.stringify(value);
  throw new BadRequest(`expected text of 1 to ${MAX_TEXT} characters as ${name}, got ${got}`);
}

function jsonObject(content: string, known: readonly string[]): { readonly [name: string]: unknown } {
  const value = parseJson(content);
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new BadRequest('expected a JSON object as content, got something else');
  }
  const unknown = Object.keys(value).find((name) => !known.includes(name));
  if (unknown === undefined) return value as { readonly [name: string]: unknown };
  throw new BadRequest(`expected only ${known.join(', ')}, got ${JSON.stringify(unknown)}`);
}

function parseJson(content: string): unknown {
  try {
    return JSON.parse(content);
  } catch {
    throw new BadRequest(`expected a JSON object as content, got ${content === '' ? 'none' : 'text that is not JSON'}`);
  }
}
