// Clients that write, or seem to, so that a URL that all others read cannot be stored: it must go on to be a hit.

import { forwardedWord, type Group, type Row } from './rows.ts';
import { HOST, isHit, type World } from './world.ts';

const READS = 10;

/** Stores a URL, attacks it, and reads it: how many of ten reads are hits, and how many reads the origin got in all. */
async function hot(world: World, attack: (path: string) => Promise<unknown>, prefix?: string): Promise<string> {
  const path = world.path(prefix);
  await world.ask(path);
  const said = await attack(path);
  let hits = 0;
  for (let at = 0; at < READS; at++) if (isHit(await world.ask(path))) hits++;
  const reads = world.forwarded().filter(({ method }) => method === 'GET').length;
  const words = `${hits} of ${READS} hits, ${forwardedWord(reads)}`;
  return typeof said === 'string' ? `${said}, ${words}` : words;
}

async function statusTo(world: World, method: string, path: string): Promise<string> {
  return String((await world.ask(path, { method })).status);
}

const ROWS: readonly Row[] = [
  ...['PURGE', 'PROPFIND', 'M-SEARCH', 'LOCK'].map(
    (method): Row => ({
      name: `${method} of a hot URL`,
      rule: 'methods are a list',
      expected: '405, 10 of 10 hits, 1 forwarded',
      run: (world) => hot(world, (path) => statusTo(world, method, path)),
    }),
  ),
  {
    name: 'a method with three letters more than any that node:http knows',
    rule: 'RFC 9110 §9.1',
    expected: '400, 10 of 10 hits, 1 forwarded',
    run: (world) => hot(world, (path) => statusTo(world, 'DELETEXYZ', path)),
  },
  ...[405, 501].map(
    (status): Row => ({
      name: `a method of a hot URL that the origin answers with ${status}`,
      rule: 'RFC 9110 §15.6.2',
      expected: `${status}, 10 of 10 hits, 1 forwarded`,
      run: (world) =>
        hot(
          world,
          (path) => {
            world.origin.answer(path, (request) =>
              request.method === 'GET'
                ? { fields: { 'cache-control': 'max-age=60' }, body: 'read' }
                : { status, fields: { allow: 'GET' } },
            );
            return statusTo(world, 'LOCK', path);
          },
          '/any',
        ),
    }),
  ),
  {
    name: 'a method that is passed on and succeeds outdates its URL, once',
    rule: 'RFC 9111 §4.4',
    expected: '200, 9 of 10 hits, 2 forwarded',
    run: (world) => hot(world, (path) => statusTo(world, 'LOCK', path), '/any'),
  },
];

export const WRITES: Group = {
  name: 'writes',
  config: ({ originUrl }) => ({
    origins: { app: { url: originUrl, connections: 32 } },
    routes: [{ match: { host: HOST, path: '/any/*' }, methods: 'all' }, {}],
  }),
  rows: ROWS,
};
