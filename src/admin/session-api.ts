// `/session`: a browser logs in and out; and what its cookie stands for in every other call.

import { type Fields, fieldLines, filterFields } from '../semantics/fields.ts';
import { type AdminResponse, failure, json } from './contract.ts';
import { type Arrival, type Guard, textOf } from './listener.ts';
import { isFromOwnPage, type Sessions } from './sessions.ts';

/** Logs a browser in and out; `GET` tells whether calls are let through. */
export const SESSION_PATH = '/session';

/** It is read before anybody has shown a token. */
const MAX_LOGIN_BYTES = 4_096;

export async function answerSession(
  { content, method, fields }: Arrival,
  guard: Guard,
  sessions: Sessions,
): Promise<AdminResponse> {
  if (method === 'GET' || method === 'HEAD') {
    if (sessions.tokenOf(fields) !== undefined) return json(200, { login: 'done' });
    return json(200, { login: sessions.isNeeded ? 'needed' : 'none' });
  }
  if (method !== 'POST' && method !== 'DELETE') {
    const allow = 'GET, HEAD, POST, DELETE';
    return { ...failure(405, `expected ${allow} for ${SESSION_PATH}, got ${method}`), fields: ['allow', allow] };
  }
  if (!isFromOwnPage(fields)) return failure(403, 'expected a call from a page of this host, got one from another');
  if (method === 'DELETE') return withCookie(json(200, { login: 'needed' }), sessions.end(fields));
  const bodyText = await textOf(content, MAX_LOGIN_BYTES);
  if (typeof bodyText !== 'string') return bodyText;
  const { token } = (jsonIn(bodyText) ?? {}) as { readonly token?: unknown };
  if (typeof token !== 'string' || !/^\S+$/.test(token)) return failure(400, 'expected {"token": "…"}');
  const refused = await guard(withToken(fields, token), SESSION_PATH);
  return refused ?? withCookie(json(200, { login: 'done' }), sessions.begin(token, fields));
}

function jsonIn(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function withCookie(response: AdminResponse, cookie: string): AdminResponse {
  return { ...response, fields: [...response.fields, 'set-cookie', cookie] };
}

/** The fields, with the token of the session in place of its cookie; undefined: another site's page has made the browser send it. */
export function withSession(
  { method, fields }: Pick<Arrival, 'method' | 'fields'>,
  sessions: Sessions,
): Fields | undefined {
  if (fieldLines(fields, 'authorization').length > 0) return fields;
  const token = sessions.tokenOf(fields);
  if (token === undefined) return fields;
  return method === 'GET' || method === 'HEAD' || isFromOwnPage(fields) ? withToken(fields, token) : undefined;
}

function withToken(fields: Fields, token: string): Fields {
  return [...filterFields(fields, (name) => name !== 'authorization'), 'authorization', `Bearer ${token}`];
}
