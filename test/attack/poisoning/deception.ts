// Paths that look like files and are answered with what belongs to one client: `/account/me/x.css`. The victim asks with its cookie,
// then the attacker without one. Rules by extension give freshness to what looks like a file.

import type { OriginAnswer, Received } from '../origin.ts';
import type { Row } from '../rows.ts';
import { HOST, isHit, type World } from '../world.ts';

const SECRET = 'balance of the victim';

const FORMS: readonly string[] = [
  '',
  '/x.css',
  '%2fx.css',
  '%2Fx.css',
  ';x.css',
  ';a=1/x.css',
  '?x.css',
  '%3fx.css',
  '%23x.css',
  '/%2e%2e/x.css',
  '/..%2fx.css',
  '/./x.css',
  '//x.css',
  '%0ax.css',
  '%09x.css',
  '%20x.css',
  '.css',
  '/.css',
  '%2ecss',
  '/x.CSS',
  '/x.css?y',
  '\\x.css',
  '%5cx.css',
  '/x.js',
  '!x.css',
  '$x.css',
  '~x.css',
  ',x.css',
  '&x.css',
  '%3bx.css',
  '/static/..%2fme',
  '%25%32%66x.css',
];

const ANSWERS: readonly (readonly [what: string, fields: Readonly<Record<string, string>>])[] = [
  ['without a word on caching', {}],
  ['with a validator alone', { etag: '"1"', 'last-modified': 'Sun, 06 Nov 1994 08:49:37 GMT' }],
  ['that sets a cookie', { 'set-cookie': 'session=victim', 'cache-control': 'max-age=60' }],
  ['that says no-store', { 'cache-control': 'no-store' }],
];

/** An account page, whatever stands behind it, for who has the cookie; else a page to log in. */
function account(fields: Readonly<Record<string, string>>): (request: Received) => OriginAnswer {
  return (request) => {
    const isVictim = request.fields.some(([name, value]) => name === 'cookie' && value.includes('victim'));
    return isVictim ? { fields, body: SECRET } : { fields: { 'cache-control': 'no-store' }, body: 'log in' };
  };
}

async function deceived(world: World, form: string, fields: Readonly<Record<string, string>>): Promise<string> {
  const path = world.path('/account');
  world.origin.answerUnder(path, account(fields));
  const target = `${path}${form}`;
  const ask = async (cookie: readonly string[]) => {
    const { replies } = await world.send([
      `GET ${target} HTTP/1.1\r\n`,
      `Host: ${HOST}\r\nConnection: close\r\n`,
      ...cookie,
      '\r\n',
    ]);
    return replies.at(-1);
  };
  for (let turn = 0; turn < 2; turn++) await ask(['Cookie: session=victim\r\n']);
  const got = await ask([]);
  if (got === undefined) return 'no answer';
  if (got.body.includes(SECRET)) return `the secret, ${isHit(got) ? 'stored' : 'not stored'}`;
  return 'no secret';
}

/** The rule is in force: else none of these rows would say anything. */
const RULE: Row = {
  name: 'a file without a word on caching, and no cookie',
  rule: 'the rule by extension',
  expected: 'stored',
  run: async (world) => {
    const path = world.path('/account');
    world.origin.answerUnder(path, { body: 'a file' });
    await world.ask(`${path}/x.css`);
    return world.stored(`${path}/x.css`);
  },
};

const DECEIVED: readonly Row[] = FORMS.flatMap((form) =>
  ANSWERS.map(([what, fields]) => ({
    name: `/account${form || ' itself'}, an answer ${what}`,
    rule: 'web cache deception',
    expected: 'no secret',
    run: (world) => deceived(world, form, fields),
  })),
);

const FILE = 'a file behind a parameter';

const SPELLINGS: Readonly<Record<string, (path: string) => string>> = {
  'as it is': (path) => path,
  'a doubled slash before it': (path) => `/${path}`,
  'a doubled slash within': (path) => path.replace(/(?<=.)\//, '//'),
  'an encoded slash': (path) => path.replace(/(?<=.)\//, '%2f'),
  'an encoded backslash': (path) => path.replace(/(?<=.)\//, '%5C'),
  'a parameter': (path) => path.replace(/(?<=.)\//, ';a=1/'),
  'an encoded parameter': (path) => path.replace(/(?<=.)\//, '%3ba/'),
  'a segment of a parameter alone': (path) => `/;a${path}`,
  capitals: (path) => path.toUpperCase(),
  'an encoded letter': (path) => path.replace('e', '%65'),
  'a parameter and a doubled slash': (path) => path.replace(/(?<=.)\//, ';a//'),
  [FILE]: (path) => `${path};x.css`,
  'all of them': (path) => `/${path.toUpperCase().replace(/(?<=.)\//, ';a%2F;b/')}`,
};

/** The origin lets everybody store it: only the rule of the gate keeps it private. `/others` has no rule, so its page is stored. */
const SPELT: readonly Row[] = ['/members', '/orders', '/others'].flatMap((prefix) =>
  Object.entries(SPELLINGS).map(([how, spell]) => ({
    name: `${prefix}/1 with ${how}`,
    rule: 'a rule over paths',
    // The rule by extension permits storing: only where every reading has the extension.
    expected: prefix === '/others' && how !== FILE ? 'stored' : 'not stored',
    run: async (world) => {
      const path = spell(world.path(prefix));
      world.origin.answerUnder(path, { fields: { 'cache-control': 'max-age=60' }, body: SECRET });
      await world.ask(path);
      return world.stored(path);
    },
  })),
);

export const DECEPTION_ROWS: readonly Row[] = [RULE, ...DECEIVED, ...SPELT];
