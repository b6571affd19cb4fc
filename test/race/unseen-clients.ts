// What one client sends for itself, against what the others get: cookies and credentials, and the directives of a reload. A real
// gate between an origin on a socket, which answers by all that it is told, and clients that ask at once, write and reload.

import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { resolveConfig } from '../../src/node/config/config.ts';
import type { TidegateConfig } from '../../src/node/config/config-types.ts';
import { startGate } from '../../src/node/serve.ts';
import { Dice } from '../sim/dice.ts';
import type { UnseenCell, UnseenRace } from './unseen.ts';

type Route = NonNullable<TidegateConfig['routes']>[number];
type Headers = Readonly<Record<string, string>>;

const ROUNDS = 25;
const AT_ONCE = 6;
const PATHS = ['/me', '/home', '/cart'] as const;

/** An answer, and what it must not be older than. */
interface Heard {
  readonly path: string;
  readonly sent: Headers;
  readonly status: number;
  readonly text: string;
  readonly isHit: boolean;
  readonly isPart: boolean;
  /** Writes to the path that were acknowledged before it was asked for. */
  readonly writes: number;
  readonly round: number;
}

interface Scenario {
  readonly name: string;
  readonly route: Route;
  /** What a client may send. */
  readonly senders: readonly Headers[];
  /** How the origin answers a read. */
  readonly answer: (told: IncomingMessage, response: ServerResponse, read: { content: string; round: number }) => void;
  /** What is wrong with the answer; undefined: nothing. */
  readonly judge: (heard: Heard) => string | undefined;
}

/** `version 3 of /me for …` */
function versionOf(text: string): number {
  return Number(/^version (\d+) /.exec(text)?.[1] ?? Number.NaN);
}

async function runCell({ name, route, senders, answer, judge }: Scenario): Promise<UnseenCell> {
  const dice = new Dice(name.length);
  const versions = new Map<string, number>();
  let round = 0;
  const origin = createServer((told, response) => {
    const path = told.url as string;
    if (told.method === 'POST') versions.set(path, (versions.get(path) ?? 0) + 1);
    const content = `version ${versions.get(path) ?? 0} of ${path}`;
    const read = { content, round };
    setImmediate(() => (told.method === 'POST' ? response.writeHead(204).end() : answer(told, response, read)));
  });
  await new Promise<void>((resolve) => origin.listen(0, '127.0.0.1', resolve));
  const url = `http://127.0.0.1:${(origin.address() as AddressInfo).port}`;
  const gate = await startGate(
    resolveConfig({
      listen: { port: 0 },
      admin: { port: 0 },
      log: { level: 'silent' },
      origins: { app: { url } },
      routes: [route],
    }),
  );
  const acknowledged = new Map<string, number>();
  const ask = async (): Promise<Heard> => {
    const path = dice.pick(PATHS);
    const isPart = dice.chance(0.1);
    const method = dice.chance(0.1) ? 'HEAD' : 'GET';
    const sent = { ...dice.pick(senders), ...(isPart && { range: 'bytes=0-200' }) };
    const writes = acknowledged.get(path) ?? 0;
    const response = await fetch(gate.url + path, { method, headers: sent, redirect: 'manual' });
    const text = method === 'HEAD' ? '' : await response.text();
    const isHit = (response.headers.get('cache-status') ?? '').includes('; hit');
    return { path, sent, status: response.status, text, isHit, isPart, writes, round };
  };
  let hits = 0;
  const problems: string[] = [];
  for (; round < ROUNDS; round++) {
    const path = dice.pick(PATHS);
    const writing = dice.chance(0.25)
      ? fetch(gate.url + path, { method: 'POST', headers: dice.pick(senders) }).then(() => {
          acknowledged.set(path, (acknowledged.get(path) ?? 0) + 1);
        })
      : undefined;
    const heard = await Promise.all(Array.from({ length: AT_ONCE }, ask));
    await writing;
    for (const one of heard) {
      hits += one.isHit ? 1 : 0;
      const wrong = one.text === '' ? undefined : (outdated(one) ?? judge(one));
      if (wrong !== undefined) problems.push(`${JSON.stringify(one.sent)} of ${one.path} got "${one.text}": ${wrong}`);
    }
  }
  await gate.close({ grace: 0 });
  origin.closeAllConnections();
  origin.close();
  return { name, hits, problems };
}

function outdated({ text, status, writes }: Heard): string | undefined {
  return status < 300 && versionOf(text) < writes ? `${writes} writes were acknowledged before` : undefined;
}

const PEOPLE: readonly Headers[] = [
  {},
  {},
  { cookie: 'session=admin' },
  { cookie: 'lang=de; session=bob' },
  { cookie: 'lang=de' },
  { cookie: '_ga=1; lang=de' },
  { cookie: 'lang=en' },
  { cookie: '_ga=2' },
  { authorization: 'Bearer alice' },
];

function cookieIn(cookie: string, name: string): string {
  return new RegExp(`(?:^|; )${name}=([^;]*)`).exec(cookie)?.[1] ?? 'none';
}

/** Who asks, as an application sees it. */
function personOf({ cookie = '', authorization = 'none' }: Headers): string {
  return `session ${cookieIn(cookie, 'session')}, lang ${cookieIn(cookie, 'lang')}, ${authorization}`;
}

function answerPerson(told: IncomingMessage, response: ServerResponse, { content }: { content: string }): void {
  const text = `${content} for ${personOf(told.headers as Headers)}. ${'.'.repeat(300)}`;
  const etag = `"${text.length}-${content}-${personOf(told.headers as Headers)}"`;
  if (told.headers['if-none-match'] === etag) response.writeHead(304, { etag }).end();
  else response.writeHead(200, { 'content-type': 'text/plain', etag }).end(text);
}

function isForAnother({ sent, text }: Heard): string | undefined {
  return text.includes(` for ${personOf(sent)}.`) ? undefined : 'made for another';
}

const RULES = { key: ['lang'], drop: ['_ga'] };
const COOKIE_ROUTES: readonly Route[] = [
  { ttl: 60_000 },
  { defaultTtl: 60_000, staleWhileRevalidate: 60_000 },
  { ttl: 60_000, cookies: RULES },
  { ttl: 5, staleWhileRevalidate: 60_000, cookies: RULES },
  { defaultTtl: 60_000, cookies: RULES, compress: true, profile: 'conformance' },
  { response: { set: { 'cache-control': 'max-age=60' } }, cookies: RULES },
];

export const COOKIES: UnseenRace = {
  name: 'cookies',
  async *cells() {
    for (const route of COOKIE_ROUTES) {
      const name = `cookies ${JSON.stringify(route)}`;
      yield runCell({ name, route, senders: PEOPLE, answer: answerPerson, judge: isForAnother });
    }
    yield setCookieCell();
  },
};

/** An origin that hands a session to whoever has none, and says that its answers are public. */
function setCookieCell(): Promise<UnseenCell> {
  let sessions = 0;
  return runCell({
    name: 'cookies that a public answer sets',
    route: {},
    senders: [{}],
    answer: (told, response, { content }) => {
      const isNew = told.url === '/me';
      const cookie: Headers = isNew ? { 'set-cookie': `session=${++sessions}` } : {};
      response.writeHead(200, { 'cache-control': 'public, max-age=60', ...cookie }).end(`${content} for ${sessions}`);
    },
    judge: ({ path, isHit }) => (path === '/me' && isHit ? 'what sets a cookie was stored' : undefined),
  });
}

const RELOADS: readonly Headers[] = [
  {},
  { 'cache-control': 'max-age=0' },
  { 'cache-control': 'no-cache', pragma: 'no-cache' },
  { pragma: 'no-cache' },
  { 'cache-control': 'max-age=0, min-fresh=1000' },
];
const AGENTS = ['firefox', 'chrome', 'bot', 'member'] as const;
const BROWSERS: readonly Headers[] = RELOADS.flatMap((reload) =>
  AGENTS.map((agent) => ({ ...reload, 'user-agent': agent })),
);

export const CLIENT_DIRECTIVES: UnseenRace = {
  name: 'client directives',
  async *cells() {
    for (const route of [{}, { compress: true }, { profile: 'conformance', clientDirectives: 'ignore' }] as const) {
      yield reloadCell(route);
    }
  },
};

/** Robots are refused, members get what is theirs alone; what is stored is for all, until it is changed. */
function reloadCell(route: Route): Promise<UnseenCell> {
  /** By path and version: what was stored, and the round in which that was seen. */
  const stored = new Map<string, { readonly text: string; readonly round: number }>();
  let fills = 0;
  return runCell({
    name: `client directives ${JSON.stringify(route)}`,
    route,
    senders: BROWSERS,
    answer: ({ headers }, response, { content, round }) => {
      const agent = headers['user-agent'];
      const told = `${headers['cache-control']} ${headers.pragma}`;
      if (agent === 'bot') response.writeHead(403).end('no');
      else if (agent === 'member') response.writeHead(200, { 'cache-control': 'private' }).end(`${content} for member`);
      else {
        response
          .writeHead(200, { 'cache-control': 'max-age=600', 'content-type': 'text/plain' })
          .end(`${content}, fill ${++fills} in round ${round}, told ${told}. ${'.'.repeat(2_000)}`);
      }
    },
    judge: ({ path, text, isHit, isPart, round }) => {
      if (text.includes('fill') && !text.includes('told undefined undefined')) return 'the origin was told of a reload';
      if (!isHit || isPart) return undefined;
      if (!text.includes('fill')) return 'what is for one was stored';
      const version = `${path} ${versionOf(text)}`;
      const before = stored.get(version) ?? { text, round };
      stored.set(version, before);
      // Fills of one round may overtake each other.
      const filledIn = Number(/in round (\d+)/.exec(text)?.[1]);
      return filledIn > before.round ? `a later fill took the place of "${before.text.slice(0, 60)}"` : undefined;
    },
  });
}
