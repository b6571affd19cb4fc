// Answers of the admin API, and the checks that its calls have in common with its listeners.

import { type ErrorCode, expected, messageOf, TidegateError } from '../errors.ts';
import { isRecord, type UnknownRecord } from '../options/kit.ts';
import { type Fields, fieldLines, NO_FIELDS } from '../semantics/fields.ts';
import type { AdminResponse } from './contract.ts';

/** A call that is refused with a status of its own. */
export class AdminRefusal extends Error {
  readonly status: number;
  readonly code: ErrorCode;

  constructor(status: number, message: string, code: ErrorCode = 'E_ADMIN') {
    super(message);
    this.status = status;
    this.code = code;
  }
}

/** The bearer token of the request (RFC 6750 §2.1); undefined when there is none, or more than one. */
export function bearerToken(fields: Fields): string | undefined {
  const lines = fieldLines(fields, 'authorization');
  return lines.length === 1 ? /^bearer +(\S+)$/i.exec(lines[0] as string)?.[1] : undefined;
}

/** A missing and a wrong token get equal answers, so that the answer reveals nothing. */
export function unauthorized(): AdminResponse {
  const refused = failure(401, 'expected Authorization: Bearer with the admin token');
  return { ...refused, fields: ['www-authenticate', 'Bearer realm="tidegate admin"'] };
}

/** An answer that explains a failure. */
export function failure(status: number, message: string, code: ErrorCode = 'E_ADMIN'): AdminResponse {
  return json(status, { error: { code, message } });
}

const ASKED_WRONGLY: ReadonlySet<ErrorCode> = new Set(['E_SELECTOR', 'E_POPULATE']);

/** The answer to a call that threw: 400 for a wrong request, else 500. */
export function ofError(error: unknown): AdminResponse {
  if (error instanceof AdminRefusal) return failure(error.status, error.message, error.code);
  const code = error instanceof TidegateError ? error.code : 'E_ADMIN';
  return failure(ASKED_WRONGLY.has(code) ? 400 : 500, messageOf(error), code);
}

export function json(status: number, value: unknown): AdminResponse {
  return { status, contentType: 'application/json', fields: NO_FIELDS, body: `${JSON.stringify(value)}\n` };
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

/** The value where it fits; else throws E_SELECTOR. */
export function fitting<Value>(value: unknown, fits: (value: unknown) => value is Value, what: string): Value {
  return fits(value) ? value : expected('E_SELECTOR', what, value);
}

/** An object with no members but those. `what`: of the error where it is none. */
export function objectOf(value: unknown, what: string, members?: readonly string[]): UnknownRecord {
  const object = fitting(value, isRecord, what);
  const unknown = members && Object.keys(object).find((name) => !members.includes(name));
  if (unknown !== undefined) expected('E_SELECTOR', `only the keys ${members?.join(', ')}`, unknown);
  return object;
}
