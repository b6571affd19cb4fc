// A gate as a target: its admin API, `POST /sources`.
//
// The gate counts a lease from the moment of an answer of its own, which the next message repeats the token of; so a message
// that is long under way gives no lease that is longer. And an attempt is given up after as long as a lease, so that the next
// one can renew it.
//
// The gate may be of an older or a newer version. It says itself what it takes; a question that is not understood is
// left out.

import { Agent as PlainAgent, request as plainRequest } from 'node:http';
import { Agent as SecureAgent, request as secureRequest } from 'node:https';
import type { QuestionSubject, SourceQuestion } from '../../dependency/describe/describe.ts';
import { TidegateError } from '../../errors.ts';
import { checkOptions, func, httpUrl, isRecord, isTexts, required, text } from '../../options/kit.ts';
import type { SourceMessage, SourceReply, TrackingTarget } from '../contract.ts';

export interface GateTargetOptions {
  /** Address of the gate's admin API, e.g. `http://127.0.0.1:8081`. */
  readonly admin: string;
  readonly token?: string;
  /** Default: one of Node's, with a connection of its own. */
  readonly fetch?: typeof fetch;
}

const MIN_TIMEOUT_MS = 1_000;
const SHOWN = 200;

/** Throws E_CONFIG. One target serves one tracker. */
export function gateTarget(options: GateTargetOptions): TrackingTarget {
  checkOptions<GateTargetOptions>('gateTarget', options, { admin: required(httpUrl), token: text, fetch: func });
  const { admin, token, fetch } = options;
  const base = new URL(admin);
  const url = `${base.href.replace(/\/+$/, '')}/sources`;
  const headers = {
    'content-type': 'application/json',
    ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
  };
  const { post } = fetch === undefined ? poster(url) : fetchPoster(fetch);
  let answered: { readonly session: string; readonly token: string } | undefined;
  /** A gate takes only what it has said it takes; after each failure it may be another gate. */
  let takes: readonly string[] = [];
  return {
    name: base.origin,
    async deliver(message): Promise<SourceReply> {
      const { session, leaseMs } = message;
      const repeated = answered?.session === session ? { token: answered.token } : {};
      const sent = understood(message, takes);
      takes = [];
      const { status, text } = await post(url, {
        headers,
        body: JSON.stringify({ ...sent, ...repeated }),
        signal: AbortSignal.timeout(Math.max(leaseMs, MIN_TIMEOUT_MS)),
      });
      const reply = status === 200 ? gateReplyOf(text) : undefined;
      if (reply === undefined) {
        const got = `${status}: ${text.slice(0, SHOWN)}`;
        throw new TidegateError('E_ADMIN', `expected a gate's answer from ${url}, got ${got}`);
      }
      answered = { session, token: reply.token };
      takes = reply.takes;
      return reply;
    },
  };
}

function fetchPoster(ask: typeof fetch): Pick<Poster, 'post'> {
  return {
    async post(url, { headers, body, signal }) {
      const response = await ask(url, { method: 'POST', headers, body: body as string, signal });
      return { status: response.status, text: await response.text() };
    },
  };
}

const MAX_QUESTIONS = 16;
const MAX_TAGS = 1_000;
const MAX_KEY_PARTS = 32;

type GateReply = SourceReply & { readonly token: string; readonly takes: readonly string[] };

/** Returns undefined when it is no answer of a gate. `takes`: members of a message besides those that every gate knows. */
function gateReplyOf(text: string): GateReply | undefined {
  try {
    const { gap, token, takes, questions, rival } = JSON.parse(text) as Readonly<Record<string, unknown>>;
    if (typeof gap !== 'boolean' || typeof token !== 'string') return undefined;
    const asked = Array.isArray(questions) ? questions.slice(0, MAX_QUESTIONS).flatMap(questionOf) : [];
    const more = { ...(asked.length > 0 && { questions: asked }), ...(rival === true && { rival }) };
    return { gap, token, takes: isTexts(takes) ? takes : [], ...more };
  } catch {
    return undefined;
  }
}

/** The message as the gate understands it. */
function understood({ position, lagMs, answers, ...rest }: SourceMessage, takes: readonly string[]): SourceMessage {
  const known = Object.entries({ position, lagMs, answers }).filter(([name]) => takes.includes(name));
  return { ...rest, ...Object.fromEntries(known) };
}

function questionOf(value: unknown): SourceQuestion[] {
  if (!isRecord(value) || typeof value.id !== 'string' || !isRecord(value.about)) return [];
  const about = subjectOf(value.about);
  return about === undefined ? [] : [{ id: value.id, about }];
}

function subjectOf({ kind, tags, table, key }: Readonly<Record<string, unknown>>): QuestionSubject | undefined {
  if (kind === 'tags') return isTexts(tags) && tags.length <= MAX_TAGS ? { kind, tags } : undefined;
  if (typeof table !== 'string') return undefined;
  if (kind === 'table') return { kind, table };
  return kind === 'record' && isTexts(key) && key.length <= MAX_KEY_PARTS ? { kind, table, key } : undefined;
}

interface Posted {
  readonly status: number;
  readonly text: string;
}

export interface Poster {
  /** Rejects when no whole answer came. */
  post(
    url: string,
    post: {
      readonly headers: Readonly<Record<string, string>>;
      readonly body: string | Uint8Array;
      readonly signal: AbortSignal;
    },
  ): Promise<Posted>;
  close(): void;
}

/**
 * A connection that stays open. Each commit pays for a message, and this takes half the time and work of `fetch`. `url`: its
 * protocol counts.
 */
export function poster(url: string, maxSockets = Number.POSITIVE_INFINITY): Poster {
  const isSecure = new URL(url).protocol === 'https:';
  const options = { keepAlive: true, maxSockets };
  const agent = isSecure ? new SecureAgent(options) : new PlainAgent(options);
  const send = isSecure ? secureRequest : plainRequest;
  return {
    post(to, { headers, body, signal }) {
      const { promise, resolve, reject } = Promise.withResolvers<Posted>();
      const bytes = typeof body === 'string' ? new TextEncoder().encode(body) : body;
      const all = { ...headers, 'content-length': bytes.length };
      const request = send(to, { method: 'POST', agent, headers: all, signal }, (response) => {
        let text = '';
        response.setEncoding('utf8');
        response.on('data', (chunk: string) => {
          text += chunk;
        });
        response.on('error', reject);
        response.on('end', () => resolve({ status: response.statusCode ?? 0, text }));
      });
      request.on('error', reject);
      request.end(bytes);
      return promise;
    },
    close: () => agent.destroy(),
  };
}
