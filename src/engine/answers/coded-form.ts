// The entry that a stored response and its coded body make.

import { decodeHead, encodeHead, headLength } from '../../entry/codec.ts';
import { codedKey } from '../../entry/key.ts';
import { bodyOf, type StoredResponse } from '../../entry/stored-response.ts';
import { codedFields } from '../../semantics/coded-representation.ts';
import type { Coding } from '../../semantics/content-coding.ts';

/** Fresh, tagged and stamped like the entry it is made from, so that it is never of use for longer. */
export function codedForm(entry: StoredResponse, coding: Coding, body: Uint8Array): StoredResponse {
  const fields = codedFields(decodeHead(entry.bytes, entry.headBytes), coding, body.length);
  const headBytes = headLength(fields);
  const bytes = new Uint8Array(headBytes + body.length);
  encodeHead(fields, bytes);
  bytes.set(body, headBytes);
  return {
    kind: 'response',
    key: codedKey(entry.key, coding),
    bytes,
    headBytes,
    status: entry.status,
    bornMs: entry.bornMs,
    terms: entry.terms,
    tags: entry.tags,
    epoch: entry.epoch,
    stamp: entry.stamp,
    checkedUpTo: entry.stamp,
  };
}

/** True when both have the same body, and have it at hand. */
export function haveOneBody(one: StoredResponse, other: StoredResponse): boolean {
  if (one.large !== undefined || other.large !== undefined) return false;
  const [body, otherBody] = [bodyOf(one), bodyOf(other)];
  return body.length === otherBody.length && body.every((byte, at) => byte === otherBody[at]);
}
