// Secrets in every place of requests, answers and calls of the admin API, and a search for them in all that the gate shows.
//
// TIDEGATE_SEED=NUMBER replays a run: the message of a failure has its seed.

import { writeFileSync } from 'node:fs';
import { connect as connectH2, type OutgoingHttpHeaders } from 'node:http2';
import { connect, createServer, type Socket } from 'node:net';
import { join } from 'node:path';
import fc from 'fast-check';
import { expect, onTestFinished, test } from 'vitest';
import { resolveConfig } from '../../src/node/config/config.ts';
import { createLog } from '../../src/node/operator/access-log.ts';
import type { RunningGate } from '../../src/node/running-gate.ts';
import { startGate } from '../../src/node/serve.ts';
import { certificateFiles } from '../kit/certificates.ts';
import { NODE, portOf, ROOT, run, tempFolder, writeJson } from '../runtime/node/kit.ts';
import { formsOf, type Item, items } from './secret-places.ts';

const TOKEN = 'R1ghtTokenOfTheOperator0123456789';
const RIGHT = { authorization: `Bearer ${TOKEN}` };

let logged = '';
const gates: Record<string, RunningGate> = {};
/** The items whose requests the origin answers in their own way, by the id in the path. */
const answers = new Map<string, string>();
const sockets = new Set<Socket>();

const origin = createServer((socket) => {
  sockets.add(socket);
  socket.on('error', () => socket.destroy());
  socket.on('data', (chunk: Buffer) => {
    const [, id = ''] = /\/a\/([\w-]{36})/.exec(chunk.toString('latin1')) ?? [];
    const usual = 'HTTP/1.1 200 OK\r\nCache-Control: max-age=60\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok';
    socket.end(answers.get(id) ?? usual, 'latin1');
  });
});

async function startGates(): Promise<void> {
  await new Promise<void>((resolve) => origin.listen(0, '127.0.0.1', resolve));
  const stream = {
    write: (line: string): void => {
      logged += line;
    },
  };
  const { cert, key } = await certificateFiles('localhost');
  for (const kind of ['gate', 'proxied', 'h2'] as const) {
    const config = resolveConfig({
      listen: {
        port: 0,
        proxyProtocol: kind === 'proxied',
        ...(kind === 'h2' && { tls: { certificates: [{ cert, key }] } }),
      },
      admin: { port: 0, token: TOKEN, wrongTokens: { perSecond: 10_000, burst: 100_000 } },
      origins: { app: { url: `http://127.0.0.1:${portOf(origin)}`, circuitBreaker: { failures: 0 } } },
      limits: { maxTargetBytes: 4_096 },
    });
    const log = createLog({ level: 'debug', destination: stream });
    gates[kind] = await startGate(config, log);
  }
  onTestFinished(async () => {
    await Promise.all(Object.values(gates).map((one) => one.close({ grace: 100 })));
    for (const socket of sockets) socket.destroy();
    origin.close();
  });
}

/** What comes back until the gate ends the connection, or a time without a byte. */
function send(url: string, text: string): Promise<string> {
  return new Promise((resolve) => {
    let got = '';
    const socket = connect(Number(new URL(url).port), '127.0.0.1', () => socket.write(text, 'latin1'));
    socket.setTimeout(400, () => socket.destroy());
    socket.on('data', (chunk: Buffer) => {
      got += chunk.toString('latin1');
    });
    socket.on('error', () => socket.destroy());
    socket.on('close', () => resolve(got));
  });
}

function sendH2(url: string, fields: OutgoingHttpHeaders): Promise<string> {
  return new Promise((resolve) => {
    let got = '';
    const session = connectH2(url, { rejectUnauthorized: false });
    session.on('error', () => session.destroy());
    session.on('close', () => resolve(got));
    session.setTimeout(800, () => session.destroy());
    const stream = session.request({ ':authority': 'secrets.example', ...fields });
    stream.on('response', (head) => {
      got += JSON.stringify(head);
    });
    stream.on('data', (chunk: Buffer) => {
      got += chunk.toString('latin1');
    });
    stream.on('error', () => session.destroy());
    stream.on('close', () => session.close());
  });
}

async function throwIn({ place, secret, id }: Item): Promise<string> {
  if (place.answered !== undefined) answers.set(id, place.answered(secret));
  const gate = gates[place.to === 'admin' ? 'gate' : place.to] as RunningGate;
  if (place.to === 'h2') return sendH2(gate.url, JSON.parse(place.sent(secret, id)));
  const text = place.sent(secret, id).replace('Bearer TOKEN', `Bearer ${TOKEN}`);
  return send(place.to === 'admin' ? gate.adminUrl : gate.url, text);
}

async function asOperator(path: string): Promise<string> {
  const texts = Object.values(gates).map(async ({ adminUrl }) =>
    (await fetch(adminUrl + path, { headers: RIGHT })).text(),
  );
  return (await Promise.all(texts)).join('\n');
}

/** Everything shown since, by where; the answer to whom the secret is from is not among it. */
async function shown(own: readonly Item[], replies: readonly string[], from: number) {
  const explained = own
    .filter(({ place }) => place.to === 'gate')
    .map(({ id }) => `/explain?url=http://secrets.example/a/${id}`);
  const list = [
    await asOperator('/entries?limit=1000'),
    ...(await Promise.all(explained.slice(0, 40).map(asOperator))),
  ];
  return {
    always: {
      ...{ log: logged.slice(from), metrics: await asOperator('/metrics'), stats: await asOperator('/stats') },
      ...{ jobs: await asOperator('/populate'), sources: await asOperator('/sources') },
    },
    list: list.join('\n'),
    replies,
  };
}

function leaksOf(own: readonly Item[], { always, list, replies }: Awaited<ReturnType<typeof shown>>): string[] {
  const texts = Object.entries(always).map(([where, text]) => [where, text.toLowerCase()] as const);
  const listed = list.toLowerCase();
  const others = replies.map((text) => text.toLowerCase());
  return own.flatMap(({ place, secret }, at) => {
    const forms = formsOf(secret);
    const has = (text: string) => forms.some((form) => text.includes(form));
    const found = texts.filter(([, text]) => has(text)).map(([where]) => where);
    if (place.hidden === 'everywhere' && has(listed)) found.push('list');
    if (others.some((text, of) => of !== at && own[of]?.secret !== secret && has(text)))
      found.push("another client's answer");
    return found.map((where) => `${place.name}, ${secret}: in ${where}`);
  });
}

test('no secret comes out, wherever it is put', async () => {
  await startGates();
  const given = Number(process.env.TIDEGATE_SEED);
  const property = fc.asyncProperty(items(), async (own) => {
    const from = logged.length;
    const replies = await Promise.all(own.map(throwIn));
    expect(leaksOf(own, await shown(own, replies, from))).toEqual([]);
  });
  await fc.assert(property, {
    ...(Number.isInteger(given) && { seed: given }),
    ...{ numRuns: 12, interruptAfterTimeLimit: 25_000, endOnFailure: true },
  });
  // The search is no use where nothing was said.
  expect(logged).toContain('request refused');
  expect(logged).toContain('"outcome"');
  expect(logged).not.toContain(TOKEN);
}, 60_000);

const SECRET = 'S3cretOfTheConfiguration0123456789';
const origins = { app: { url: 'http://127.0.0.1:1' } };

test.each([
  ['userinfo of an origin', { origins: { app: { url: `http://u:${SECRET}@127.0.0.1:1` } } }],
  ['a wrong token', { origins, admin: { token: `${SECRET} x` } }],
  ['a right token', { origins, admin: { token: SECRET } }],
  ['the secret of positions', { origins, positions: { secret: SECRET } }],
  ['a wrong secret of positions', { origins, positions: { secret: `${SECRET} x` } }],
  ['a connection', { origins, sources: { shop: { postgres: { connection: `postgres://u:${SECRET}@127.0.0.1/x` } } } }],
  [
    'a wrong connection',
    { origins, sources: { shop: { postgres: { connection: `mysql://u:${SECRET}@127.0.0.1/x` } } } },
  ],
  ['a key', { origins, listen: { tls: { certificates: [{ cert: 'secret.pem', key: 'secret.pem' }] } } }],
  ['the environment', { origins }],
])(
  'tidegate check does not show %s',
  async (name, config) => {
    const folder = tempFolder();
    writeJson(join(folder.path, 'tidegate.config.json'), config);
    writeFileSync(
      join(folder.path, 'secret.pem'),
      `-----BEGIN PRIVATE KEY-----\n${SECRET}\n-----END PRIVATE KEY-----\n`,
    );
    const env = name === 'the environment' ? { TIDEGATE_ADMIN_TOKEN: `${SECRET} x` } : {};
    const { text, stderr } = await run(NODE, [join(ROOT, 'src/node/bin.ts'), 'check', '--json'], {
      cwd: folder.path,
      env,
    });
    folder.remove();
    expect(text + stderr).not.toBe('');
    expect(formsOf(SECRET).filter((form) => (text + stderr).toLowerCase().includes(form))).toEqual([]);
  },
  60_000,
);
