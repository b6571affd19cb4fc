// An origin that answers with all that it was asked, and the question that decides each row: does one who comes after the attacker
// get what the origin has for them alone?

import { fieldOf } from '../answers.ts';
import type { OriginAnswer, Received } from '../origin.ts';
import type { Row } from '../rows.ts';
import { type GetOptions, HOST, isHit, type World } from '../world.ts';

/** They differ from client to client, or with the connection. */
const NOT_SHOWN: ReadonlySet<string> = new Set(['x-forwarded-for', 'via', 'connection', 'date']);

/** What was asked: line, fields and content. */
export function shown({ method, target, fields, body }: Received): string {
  const lines = fields.filter(([name]) => !NOT_SHOWN.has(name)).map(([name, value]) => `${name}: ${value}`);
  return [`${method} ${target}`, ...lines.sort(), body].join('\n');
}

/** Shows the request in an answer that is fresh for a minute. */
export function mirror(fields: Readonly<Record<string, string>> = {}): (request: Received) => OriginAnswer {
  return (request) => ({ fields: { 'cache-control': 'max-age=60', ...fields }, body: shown(request) });
}

export interface Attack {
  /** The request without its last empty line; `Host` and `Connection: close` are added unless it has a `Host`. */
  readonly line?: (path: string) => string;
  readonly fields?: readonly string[];
  readonly body?: string;
}

export interface PoisonRow extends Attack {
  readonly name: string;
  readonly rule: string;
  /** Statuses of the answer to the attacker, such as `200 or 400`; 200 unless said. */
  readonly status?: string;
  /** Fields of the origin's answers. */
  readonly answer?: Readonly<Record<string, string>>;
  /** In place of the mirror. */
  readonly origin?: (request: Received) => OriginAnswer;
  /** Of the one who comes after. */
  readonly honest?: GetOptions & { readonly query?: string };
}

/** Sends the attack, twice; returns the status of its first answer. */
async function attacked(world: World, path: string, { line, fields = [], body = '' }: Attack): Promise<string> {
  const own = fields.some((field) => /^host:/i.test(field)) ? [] : [`Host: ${HOST}`];
  const closes = fields.some((field) => /^connection:/i.test(field)) ? [] : ['Connection: close'];
  const first = line?.(path) ?? `GET ${path} HTTP/1.1`;
  const bytes = `${[first, ...own, ...closes, ...fields].join('\r\n')}\r\n\r\n${body}`;
  const statuses: string[] = [];
  for (let turn = 0; turn < 2; turn++) {
    const client = world.connect();
    await client.send(bytes);
    await client.until(() => client.text.includes('\r\n\r\n'), 2_000);
    await client.untilQuiet(15, 500);
    statuses.push(/^HTTP\/1\.1 (\d{3})/.exec(client.text)?.[1] ?? 'no answer');
    client.destroy();
  }
  return statuses[0] as string;
}

/** `own answer`, or whose. The control asks in the same words for a path that nobody has attacked. */
async function honestWords(world: World, [path, control]: [string, string], row: PoisonRow): Promise<string> {
  const { query = '', ...options } = row.honest ?? {};
  const got = await world.ask(path + query, options);
  const wanted = await world.ask(control + query, options);
  const same = got.status === wanted.status && got.body === wanted.body.replaceAll(control, path);
  if (same) return 'own answer';
  return isHit(got) || fieldOf(got, 'age') !== ''
    ? `another's answer: ${got.status} ${JSON.stringify(got.body.slice(0, 150))}, stored`
    : `another answer: ${got.status} ${JSON.stringify(got.body.slice(0, 150))}`;
}

export function poisonRow(row: PoisonRow): Row {
  return {
    name: row.name,
    rule: row.rule,
    expected: `${row.status ?? '200'}, own answer`,
    run: async (world) => {
      const paths: [string, string] = [world.path('/poison'), world.path('/poison')];
      for (const path of paths) world.origin.answer(path, row.origin ?? mirror(row.answer));
      const status = await attacked(world, paths[0], row);
      return `${status}, ${await honestWords(world, paths, row)}`;
    },
  };
}
