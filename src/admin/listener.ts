// The steps that the listeners of the admin API share, on Node and on Workers: they check the token, read the content of a call,
// and make the head of an answer.

import type { Eventually } from '../ports.ts';
import { type Fields, fieldLines } from '../semantics/fields.ts';
import { HEALTH_PATH } from './calls.ts';
import { type AdminApi, type AdminRequest, type AdminResponse, failure } from './contract.ts';
import { TENANT_TOKEN, type TenantsApi } from './tenants-contract.ts';

/** Guards one request; gives undefined to let it through. */
export type Guard = (fields: Fields, path: string) => Eventually<AdminResponse | undefined>;

export interface Arrival extends Omit<AdminRequest, 'bodyText'> {
  readonly content: AsyncIterable<Uint8Array<ArrayBuffer>> | Iterable<Uint8Array<ArrayBuffer>>;
}

/** The content is read after the guard has let the request through. */
export async function answerArrival(
  { content, ...asked }: Arrival,
  guard: Guard,
  api: AdminApi,
): Promise<AdminResponse> {
  const refused = await guard(asked.fields, asked.path);
  if (refused !== undefined) return refused;
  const bodyText = await textOf(content);
  return typeof bodyText === 'string' ? api({ ...asked, bodyText }) : bodyText;
}

const MAX_BODY_BYTES = 1024 * 1024;

/** The text, or the refusal of content that is too long or no text. */
export async function textOf(content: Arrival['content'], maxBytes = MAX_BODY_BYTES): Promise<string | AdminResponse> {
  const chunks: Uint8Array<ArrayBuffer>[] = [];
  let bytes = 0;
  for await (const chunk of content) {
    bytes += chunk.length;
    if (bytes > maxBytes) return failure(413, `expected at most ${maxBytes} bytes of content`);
    chunks.push(chunk);
  }
  const whole = await new Blob(chunks).arrayBuffer();
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(whole);
  } catch {
    return failure(400, 'expected content in UTF-8, got other bytes');
  }
}

/**
 * Probes ask for the health without a token. No token: nobody is let through. `ownToken`: one that is right for calls of this path
 * alone.
 */
export function tokenGuard(
  token: string | undefined,
  ownToken: (path: string) => string | undefined = () => undefined,
): Guard {
  return async (fields, path) => {
    if (path === HEALTH_PATH) return undefined;
    const given = bearerToken(fields);
    for (const right of [token, ownToken(path)]) {
      if (given !== undefined && right !== undefined && (await areSame(given, right))) return undefined;
    }
    return unauthorized();
  };
}

/** Lets tokens of tenants through as well; such a token counts for a tenant or for nothing. */
export function tenantGuard(operator: Guard, tokens: Pick<TenantsApi['tokens'], 'authenticate'>): Guard {
  return (fields, path) => {
    const token = tenantToken(fields);
    if (token === undefined || path === HEALTH_PATH) return operator(fields, path);
    return tokens.authenticate(token) === undefined ? unauthorized() : undefined;
  };
}

/** Undefined: the request has no token, or an operator's. */
export function tenantToken(fields: Fields): string | undefined {
  const token = bearerToken(fields);
  return token?.startsWith(TENANT_TOKEN) === true ? token : undefined;
}

/** The bearer token of the request (RFC 6750 §2.1); undefined when there is none, or more than one. */
function bearerToken(fields: Fields): string | undefined {
  const lines = fieldLines(fields, 'authorization');
  return lines.length === 1 ? /^bearer +(\S+)$/i.exec(lines[0] as string)?.[1] : undefined;
}

/** Digests have one length, so the comparison does not tell that of the token; nor does it end early. */
async function areSame(one: string, other: string): Promise<boolean> {
  const digest = async (text: string) =>
    new Uint8Array(await crypto.subtle.digest('SHA-256', new TextEncoder().encode(text)));
  const [left, right] = await Promise.all([digest(one), digest(other)]);
  return left.reduce((differing, byte, at) => differing | (byte ^ (right[at] as number)), 0) === 0;
}

/** A missing and a wrong token get equal answers, so that the answer reveals nothing. */
export function unauthorized(): AdminResponse {
  const refused = failure(401, 'expected Authorization: Bearer with the admin token');
  return { ...refused, fields: ['www-authenticate', 'Bearer realm="tidegate admin"'] };
}

/** All fields of an answer but its length. */
export function headOf({ contentType, fields }: AdminResponse): Fields {
  return [
    ...fields,
    ...['content-type', contentType],
    ...['cache-control', 'no-store'],
    ...['x-content-type-options', 'nosniff'],
  ];
}
