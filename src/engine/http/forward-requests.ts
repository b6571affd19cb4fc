// The requests the gate sends to an origin: a client's as it is, one for the whole representation, one that validates,
// one that completes a part.

import { decodeHead } from '../../entry/codec.ts';
import type { StoredResponse } from '../../entry/stored-response.ts';
import type { OriginRequest } from '../../ports.ts';
import type { Fields } from '../../semantics/fields.ts';
import { isSafeMethod } from '../../semantics/unsafe.ts';
import { validationFields, withoutConditions } from '../../semantics/validation.ts';
import { originFields } from '../answers/coding-requests.ts';
import type { GateRequest } from '../contract.ts';
import { completionFields } from './partial.ts';

/** The client's request, conditions and ranges included. */
export function asAsked(request: GateRequest): OriginRequest {
  const { method, target, body } = request;
  return { method, target, fields: originFields(request), body, retryable: body === undefined && isSafeMethod(method) };
}

/** A GET for the whole representation: the client's conditions and ranges are answered from it (RFC 9111 §4.3.2). */
export function asWhole(request: GateRequest): OriginRequest {
  return getWith(request, withoutConditions(originFields(request)));
}

/** A GET that validates the stored response; undefined when it has no validator that could tell (RFC 9111 §4.3.1). */
export function asValidation(
  request: GateRequest,
  stored: StoredResponse,
  options: { readonly outdated: boolean },
): OriginRequest | undefined {
  const conditions = validationFields(decodeHead(stored.bytes, stored.headBytes), options);
  if (conditions === undefined) return undefined;
  return getWith(request, [...withoutConditions(originFields(request)), ...conditions]);
}

/** A GET for what the stored part lacks; undefined when the two could not be told to be of one representation. */
export function asCompletion(request: GateRequest, part: StoredResponse): OriginRequest | undefined {
  const range = completionFields(part, request.route.policy.profile);
  return range === undefined ? undefined : getWith(request, [...withoutConditions(originFields(request)), ...range]);
}

function getWith(request: GateRequest, fields: Fields): OriginRequest {
  return { method: 'GET', target: request.target, fields, body: undefined, retryable: true };
}
