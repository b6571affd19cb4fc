// Secrets in every place of a request, whole and refused ones: none may stand in the log, the metrics or the crash output. And
// fields of the product's own from clients, at a gate that no tracker reports to; poisoning/positions.ts has those at others.

import { setTimeout as sleep } from 'node:timers/promises';
import type { Group, Row } from './rows.ts';
import { HOST, isHit, type World } from './world.ts';

/** As a token of a session looks. */
const SECRET = 'S3cretCanary0123456789abcdefZZ';

interface Place {
  readonly name: string;
  /** Of a GET to a path of the row's own. */
  head(path: string): string;
}

const get = (target: string, ...lines: string[]) =>
  `${[`GET ${target} HTTP/1.1`, `Host: ${HOST}`, ...lines].join('\r\n')}\r\n\r\n`;

function targets(): Place[] {
  const of = (name: string, target: (path: string) => string): Place => ({ name, head: (path) => get(target(path)) });
  return [
    of('the value of a parameter', (path) => `${path}?token=${SECRET}`),
    of('a parameter without =', (path) => `${path}?${SECRET}`),
    of('a short parameter without =', (path) => `${path}?S3cretCanary`),
    of('the name of a parameter', (path) => `${path}?${SECRET}=1`),
    of('a second question mark', (path) => `${path}?a?${SECRET}`),
    of('a path parameter', (path) => `${path};v=${SECRET}`),
    of('a path parameter without =', (path) => `${path};${SECRET}`),
    of('a segment', (path) => `${path}/reset/${SECRET}/form`),
    of('a JSON web token', (path) => `${path}/eyJhbGciOi.${SECRET}.c2lnbmF0dXJl`),
    of('userinfo of a target', (path) => `http://user:${SECRET}@${HOST}${path}`),
    of('userinfo of a refused scheme', () => `ftp://user:${SECRET}@${HOST}/x`),
    of('the query of a refused target', (path) => `${path}?token=${SECRET}"`),
    of('the query of a refused path', (path) => `${path}/..%2f..%2fx?token=${SECRET}`),
    of('a target of no form', () => `${SECRET}/x`),
    of('a target that is too long', (path) => `${path}?${`${SECRET}&`.repeat(2_000)}`),
  ];
}

const NAMES = [
  ...['Authorization', 'Cookie', 'X-Api-Key', 'Referer', 'User-Agent', 'Via', 'Expect', 'Max-Forwards', 'TE', 'Range'],
  ...['Content-Length', 'Transfer-Encoding', 'X-Forwarded-For', 'X-Forwarded-Host', 'X-Forwarded-Proto', 'Forwarded'],
  ...[
    'Proxy-Authorization',
    'If-None-Match',
    'Upgrade',
    'Connection',
    'Cache-Control',
    'Tidegate-Position',
    'X Broken',
  ],
];

function places(): Place[] {
  const fields = NAMES.map(
    (name): Place => ({ name: `field ${name}`, head: (path) => get(path, `${name}: ${SECRET}`) }),
  );
  const host = (value: string) => (path: string) => `GET ${path} HTTP/1.1\r\nHost: ${value}\r\n\r\n`;
  return [
    ...targets(),
    ...fields,
    { name: 'Host with userinfo', head: host(`user:${SECRET}@${HOST}`) },
    { name: 'Host of no form', head: host(`${SECRET}/x`) },
    { name: 'a method', head: (path) => `${SECRET} ${path} HTTP/1.1\r\nHost: ${HOST}\r\n\r\n` },
    { name: 'a line that is no field', head: (path) => get(path, SECRET) },
    { name: 'a version', head: (path) => `GET ${path} HTTP/${SECRET}\r\nHost: ${HOST}\r\n\r\n` },
    { name: 'content', head: (path) => `PUT ${path} HTTP/1.1\r\nHost: ${HOST}\r\nContent-Length: 30\r\n\r\n${SECRET}` },
  ];
}

/** Where the secret has come out, without regard to case. */
async function leaks(world: World, logged: number): Promise<string> {
  await sleep(300);
  const texts = {
    log: world.log().slice(logged),
    metrics: await world.metrics(),
    output: world.gate.lines.join('\n'),
  };
  const found = Object.entries(texts).filter(([, text]) => /s3cretcanary/i.test(text));
  return found.length === 0 ? 'nothing shown' : `shown in ${found.map(([name]) => name).join(' and ')}`;
}

function place({ name, head }: Place): Row {
  return {
    name: `a secret in ${name}`,
    rule: 'nothing secret in logs',
    expected: 'nothing shown',
    run: async (world) => {
      const logged = world.log().length;
      const client = world.connect();
      await client.send(head(world.path()));
      await sleep(200);
      client.destroy();
      return leaks(world, logged);
    },
  };
}

const FORGED = [
  ['Tidegate-Position', 'shop;zz:99'],
  ['Tidegate-Position', 'log;zz.99'],
  ['Tidegate-Settled', 'no'],
  ['Tidegate-Untracked', 'x'],
  ['Tidegate-Heard', '99'],
  ['Tidegate-Stored-Name', '/tidegate/1/one/e/1/k'],
  ['Surrogate-Key', 'x'],
] as const;

function forged([name, value]: readonly [string, string]): Row {
  return {
    name: `${name}: ${value} on a stored URL`,
    rule: 'own fields of clients mean nothing',
    expected: '5 of 5 hits, 1 forwarded',
    run: async (world) => {
      const path = world.path();
      await world.ask(path);
      let hits = 0;
      for (let at = 0; at < 5; at++) if (isHit(await world.ask(path, { fields: [`${name}: ${value}`] }))) hits++;
      const forwarded = world.forwarded().filter(({ target }) => target === path);
      return `${hits} of 5 hits, ${forwarded.length} forwarded`;
    },
  };
}

export const SECRETS: Group = {
  name: 'secrets',
  atOnce: 8,
  waits: true,
  rows: [...places().map(place), ...FORGED.map(forged)],
};
