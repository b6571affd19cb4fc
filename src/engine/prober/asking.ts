// One question to an origin, past the cache: nothing is stored, joined or invalidated by it. And whether two answers are the same.

import { bodyOf, lengthOf, type StoredResponse } from '../../entry/stored-response.ts';
import type { Clock, Forward } from '../../ports.ts';
import { type Fields, fieldValue, parseHttpDate } from '../../semantics/fields.ts';
import { headOf } from '../answers/answers.ts';
import { editedResponse } from '../answers/edits.ts';
import type { GateRequest } from '../contract.ts';
import { isMomentary } from '../http/draft.ts';
import { planToFill } from '../http/forward-plans.ts';

/** An answer for comparison. */
export interface Content {
  readonly status: number;
  readonly fields: Fields;
  readonly body: Uint8Array;
}

/** An answer of the origin. */
export interface Asked extends Content {
  /** Monotonic time as its head came: the origin had this content before. */
  readonly headMs: number;
  /** How long the origin has had it at least, as it says itself; undefined: it does not say. */
  readonly statedAgeMs: number | undefined;
}

/** Larger answers are not compared: what is compared is held in memory. */
export const MAX_COMPARED_BYTES = 256 * 1024;

/** Asks for the whole representation. Undefined: no answer, one that is too large, or an error of the moment. */
export function askOrigin(request: GateRequest, clock: Clock): Promise<Asked | undefined> {
  const { forward } = planToFill(request, 'request');
  return new Promise((resolve) => {
    const chunks: Uint8Array[] = [];
    let running: Forward | undefined;
    let head: Omit<Asked, 'body'> | undefined;
    const give = (answer: Asked | undefined) => {
      if (answer === undefined) running?.abort();
      resolve(answer);
    };
    try {
      running = request.route.origin.forward(forward, {
        interim: () => {},
        head: (given) => {
          if (isMomentary(given.status)) return give(undefined);
          const { status, fields } = editedResponse(given, request.route, clock.now());
          head = { status, fields, headMs: clock.monotonic(), statedAgeMs: statedAgeMs(given.fields) };
        },
        data: (chunk) => {
          chunks.push(chunk);
          if (lengthOf(chunks) > MAX_COMPARED_BYTES) give(undefined);
        },
        end: () => give(head && { ...head, body: joined(chunks) }),
        failed: () => give(undefined),
      });
    } catch {
      // The origin says so wherever a client asks it; here it is one sample less.
      give(undefined);
    }
  });
}

function joined(chunks: readonly Uint8Array[]): Uint8Array {
  const body = new Uint8Array(lengthOf(chunks));
  let at = 0;
  for (const chunk of chunks) {
    body.set(chunk, at);
    at += chunk.length;
  }
  return body;
}

export function contentOf(entry: StoredResponse): Content {
  return { ...headOf(entry), body: bodyOf(entry) };
}

/** Fields that are content as much as the body; all others change without a change of what is shown. */
const COMPARED = ['content-type', 'content-encoding', 'content-language', 'location'] as const;

export function isSame(one: Content, other: Content): boolean {
  if (one.status !== other.status || one.body.length !== other.body.length) return false;
  if (COMPARED.some((name) => fieldValue(one.fields, name) !== fieldValue(other.fields, name))) return false;
  return differsAt(one.body, other.body) === undefined;
}

/** The first place at which they differ; undefined: nowhere. */
export function differsAt(one: Uint8Array, other: Uint8Array): number | undefined {
  const at = one.findIndex((byte, place) => byte !== other[place]);
  if (at >= 0) return at;
  return other.length > one.length ? one.length : undefined;
}

/** Last-Modified against Date. */
function statedAgeMs(fields: Fields): number | undefined {
  const dated = parseHttpDate(fieldValue(fields, 'date'));
  const modified = parseHttpDate(fieldValue(fields, 'last-modified'));
  // Either is cut to a second.
  return dated === undefined || modified === undefined ? undefined : Math.max(0, dated - modified - 1_000);
}
