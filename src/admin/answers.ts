// Answers of the admin API as plain data, and the token of its requests: what the API and its listeners have in common.

import { type ErrorCode, messageOf, TidegateError } from '../errors.ts';
import { type Fields, fieldLines, NO_FIELDS } from '../semantics/fields.ts';

export interface AdminResponse {
  readonly status: number;
  readonly contentType: string;
  /** Further fields, e.g. Allow. */
  readonly fields: Fields;
  readonly body: string;
  /** When present, the body comes from here, bit by bit, and `body` is ''. */
  readonly stream?: AdminStream;
}

/** Begins a body that arrives over time. The returned function is called when the client leaves before `end`. */
export type AdminStream = (write: (text: string) => void, end: () => void) => () => void;

/** One call of the API. */
export interface AdminRoute {
  readonly method: 'GET' | 'POST';
  readonly path: string;
  /** Query keys it takes. */
  readonly keys: readonly string[];
  readonly answer: (query: URLSearchParams, bodyText: string) => Promise<AdminResponse>;
}

/** The bearer token of the request (RFC 6750 §2.1); undefined when there is none, or more than one. */
export function bearerToken(fields: Fields): string | undefined {
  const lines = fieldLines(fields, 'authorization');
  return lines.length === 1 ? /^bearer +(\S+)$/i.exec(lines[0] as string)?.[1] : undefined;
}

/** A missing and a wrong token get equal answers, so that the answer reveals nothing. */
export function unauthorized(): AdminResponse {
  const fields = ['www-authenticate', 'Bearer realm="tidegate admin"'];
  return failure({ status: 401, message: 'expected Authorization: Bearer with the admin token', fields });
}

/** An answer that explains a failure. */
export function failure(say: {
  readonly status: number;
  readonly message: string;
  readonly code?: ErrorCode;
  readonly fields?: Fields;
}): AdminResponse {
  const error = { code: say.code ?? 'E_ADMIN', message: say.message };
  return { ...json(say.status, { error }), fields: say.fields ?? NO_FIELDS };
}

const ASKED_WRONGLY: ReadonlySet<ErrorCode> = new Set(['E_SELECTOR', 'E_POPULATE']);

/** The answer to a call that threw: 400 for a wrong request, else 500. */
export function ofError(error: unknown): AdminResponse {
  const message = messageOf(error);
  if (!(error instanceof TidegateError)) return failure({ status: 500, message });
  return failure({ status: ASKED_WRONGLY.has(error.code) ? 400 : 500, message, code: error.code });
}

export function json(status: number, value: unknown): AdminResponse {
  return { status, contentType: 'application/json', fields: NO_FIELDS, body: `${JSON.stringify(value)}\n` };
}

/** An answer whose body arrives over time. */
export function streamed(contentType: string, stream: AdminStream): AdminResponse {
  return { status: 200, contentType, fields: NO_FIELDS, body: '', stream };
}

/** The JSON content of a call; `what` names the expected content in errors. */
export function parseJson(text: string, what = 'a selector'): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    const got = text.trim() === '' ? 'no content' : (error as Error).message;
    throw new TidegateError('E_SELECTOR', `expected ${what} as JSON, got ${got}`, { cause: error });
  }
}
