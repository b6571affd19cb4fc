// A row with one broken answer: what its client gets, whether it is stored, and whether the next requests through the same
// connections get answers of their own.

import type { OriginAnswer } from '../origin.ts';
import type { Row } from '../rows.ts';
import { HOST, isHit, type Sent, type World } from '../world.ts';

export const OK = 'HTTP/1.1 200 OK\r\n';
/** What it is part of would be stored if nothing spoke against it. */
export const FRESH = 'Cache-Control: max-age=60\r\n';
export const CHUNKED = 'Transfer-Encoding: chunked\r\n';
export const CONTENT = 'abc';
/** A sound answer with the usual content. */
export const SOUND = `${OK}${FRESH}Content-Length: 3\r\n\r\n${CONTENT}`;
/** An answer to nothing. */
export const EVIL = `${OK}${FRESH}Content-Length: 4\r\n\r\nEVIL`;

/** Limits of the origin in this group. */
export const LIMIT_MS = 600;

export const REFUSED = '502 E_ORIGIN_PROTOCOL, not stored, next right';
export const RESET = '502 E_ORIGIN_RESET, not stored, next right';
export const LATE = '504 E_ORIGIN_TIMEOUT, not stored, next right';
export const CUT = '200 cut, not stored, next right';
export const STORED = '200 whole, stored, next right';
export const PASSED = '200 whole, not stored, next right';

export interface Broken {
  readonly name: string;
  readonly rule: string;
  readonly raw: OriginAnswer['raw'] & {};
  readonly expected: string;
  readonly method?: string;
  /** Lines of the request. */
  readonly fields?: readonly string[];
  readonly ending?: OriginAnswer['ending'];
  /** Of a whole answer; `CONTENT` unless said. */
  readonly content?: string;
}

export function brokenRow(broken: Broken): Row {
  const { name, rule, expected } = broken;
  return { name, rule, expected, run: (world) => said(world, broken) };
}

async function said(world: World, broken: Broken): Promise<string> {
  const { method = 'GET', fields = [], raw, ending } = broken;
  const path = world.path('/broken');
  world.origin.answer(path, { raw, ...(ending !== undefined && { ending }) });
  const content = method === 'POST' ? 'Content-Length: 2\r\n\r\nhi' : '\r\n';
  const head = [`${method} ${path} HTTP/1.1`, `Host: ${HOST}`, ...fields, content].join('\r\n');
  const sent = await world.send(head, { withinMs: 3 * LIMIT_MS, methods: [method] });
  world.origin.answer(path, { body: 'sound' });
  const stored = isHit(await world.ask(path)) ? 'stored' : 'not stored';
  return `${answerWords(sent, broken)}, ${stored}, ${await nextWords(world)}`;
}

function answerWords({ replies, closed }: Sent, { content = CONTENT, method }: Broken): string {
  const last = replies.at(-1);
  if (last === undefined) return closed ? 'cut before an answer' : 'no answer';
  const statuses = replies.map(({ status }) => status).join(' ');
  const [code] = /\bE_[A-Z_]+/.exec(last.body) ?? [];
  if (code !== undefined) return `${statuses} ${code}`;
  if (!last.whole) return `${statuses} ${closed ? 'cut' : 'without an end'}`;
  const isRight = last.body === content || method === 'HEAD';
  return `${statuses} whole${isRight ? '' : ` but ${JSON.stringify(last.body.slice(0, 40))}`}`;
}

/** Of a write, which nothing sends again, and of a read; as many as the origin has connections. */
async function nextWords(world: World): Promise<string> {
  for (const method of ['POST', 'GET']) {
    const path = world.path('/next');
    const { status, body } = await world.ask(path, { method, ...(method === 'POST' && { body: 'hi' }) });
    if (status !== 200 || body !== `${method} ${path}`) return `next ${status} ${JSON.stringify(body.slice(0, 60))}`;
  }
  return 'next right';
}
