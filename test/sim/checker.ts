// The judge of every answer. It knows the database's history, what had been acknowledged as each request arrived, and
// nothing of how the engine works.
//
// An answer must show its resource at the latest acknowledged version or a later one; its bytes must be exactly those of
// the version it claims, and all of them if it says that it is complete; and an answer for one client alone must not
// reach another.
//
// Exempt, because no cache can do better:
// - a change that is not acknowledged: it may be missing from any answer, and be there;
// - what a write of unknown outcome (5xx, or a failure after it was sent) changed besides its target and the groups its
//   answer names, and a change it makes after the hold (`unknownOutcomeMs`): the gate cannot know of it until someone
//   invalidates;
// - a 304 to a client that named a date: dates count seconds, so it says no more than "none since that second". The
//   representation it stands for must still be a version that is recent enough;
// - a body that ends with its connection and is cut: its own client cannot be told. Nobody else may be given it;
// - the gate's own 502, 503 and 504, which show nothing.

import { type Fields, fieldLines, fieldValue, hasField } from '../../src/semantics/fields.ts';
import { names } from './answers.ts';
import type { Client } from './client.ts';
import { type Codings, codingOfTag, takes, uncodedTags } from './codings.ts';
import { type Claim, claimOf, contentOf, sameBytes } from './content.ts';
import type { Database, Version } from './database.ts';
import { multipartSlices, type Slice } from './multipart.ts';
import { bodyBytes, etagOf, modifiedMs, type Resource, variantOf } from './resources.ts';

export type Fault = 'outdated' | 'kept' | 'wrong bytes' | 'leaked';

export interface Finding {
  readonly fault: Fault;
  readonly sentence: string;
}

export interface Judge {
  readonly database: Database;
  readonly forwards: {
    /** Forwards whose body was cut and looks complete. */
    readonly cut: ReadonlySet<number>;
    /** The event in which each forward read the database. */
    readonly readAt: ReadonlyMap<number, number>;
  };
  readonly writes: { readonly wasUnderWay: (resource: Resource, event: number) => boolean };
  readonly codings: Pick<Codings, 'decode'>;
}

/** What is wrong with the answer a client got; undefined: nothing. */
export function judge(client: Client, by: Judge): Finding | undefined {
  if (client.outcome === undefined) return undefined;
  return judgeCookie(client) ?? judgeContent(client, by);
}

function judgeCookie({ fields, asked }: Client): Finding | undefined {
  const cookie = fieldLines(fields, 'set-cookie').find((line) => line !== `reader=${asked.id}`);
  return cookie === undefined ? undefined : finding('leaked', `the cookie ${cookie} came to request ${asked.id}`);
}

function judgeContent(client: Client, by: Judge): Finding | undefined {
  const { status, fields, outcome, asked } = client;
  if (asked.method !== 'GET' && asked.method !== 'HEAD') return undefined;
  const claim = claimOf(fields);
  if (status === 304) return judgeNotModified(client, claim, by.database);
  if (status === 416) return judgeUnsatisfied(client, by.database);
  if (claim !== undefined) return judgeClaim(client, claim, by);
  if (asked.method === 'HEAD') return judgeHead(client, by.database);
  const made = outcome?.detail === 'origin-error' || outcome?.detail === 'only-if-cached';
  return made && status >= 502 ? undefined : finding('wrong bytes', `an answer ${status} that claims nothing`);
}

function judgeClaim(client: Client, claim: Claim, by: Judge): Finding | undefined {
  const { asked, status } = client;
  const { resource } = asked;
  if (claim.uri !== resource.uri) return finding('wrong bytes', `an answer of ${claim.uri} for ${resource.uri}`);
  if (claim.reader !== '-' && claim.reader !== asked.id) {
    return finding('leaked', `an answer for request ${claim.reader} alone came to request ${asked.id}`);
  }
  const variant = claim.status === 200 ? variantOf(resource, asked.fields) : 'any';
  if (claim.variant !== variant) return finding('wrong bytes', `variant ${claim.variant}, expected ${variant}`);
  const expected = status === 206 ? 200 : status;
  if (claim.status !== expected) return finding('wrong bytes', `status ${status} with the body of a ${claim.status}`);
  const known = by.database.version(resource, claim.version);
  if (known === undefined) return finding('wrong bytes', `version ${claim.version}, which never was`);
  return judgeVersion(client, claim.version) ?? judgeKeeping(client, claim, by) ?? judgeBytes(client, claim, by);
}

/** What was read while a write on its URI was under way must not be kept: nobody knows on which side of it it lies. */
function judgeKeeping(client: Client, claim: Claim, by: Judge): Finding | undefined {
  const readAt = by.forwards.readAt.get(claim.forward);
  if (client.outcome?.hit !== true || readAt === undefined) return undefined;
  if (!by.writes.wasUnderWay(client.asked.resource, readAt)) return undefined;
  return finding('kept', `forward ${claim.forward} read while a write on its URI was under way, and was stored`);
}

/** What is served past its time is never past an invalidation, at the very instant of serving. */
const STALE: ReadonlySet<string> = new Set(['stale-while-revalidate', 'stale-if-error', 'grace']);

function judgeVersion({ asked, outcome, mustShowStale }: Client, version: number): Finding | undefined {
  if (STALE.has(outcome?.detail ?? '') && version < mustShowStale) {
    return finding('outdated', `served stale at version ${version} after ${mustShowStale} was acknowledged`);
  }
  if (version >= asked.mustShow) return undefined;
  return finding('outdated', `shows version ${version}; ${asked.mustShow} was acknowledged before the request came`);
}

function judgeBytes(client: Client, claim: Claim, by: Judge): Finding | undefined {
  const { asked, status, state, fields } = client;
  if (asked.method === 'HEAD') return undefined;
  const whole = contentOf(claim);
  const coding = fieldValue(fields, 'content-encoding');
  if (coding !== undefined) return judgeCoded(client, { coding, whole }, by);
  if (status === 206 && !ifRangeHeld(asked, claim)) return finding('wrong bytes', 'a 206 although If-Range fails');
  const slices = status === 206 ? slicesOf(client, whole) : [{ first: 0, last: whole.length - 1, body: client.body }];
  if (typeof slices === 'string') return state === 'done' ? finding('wrong bytes', slices) : undefined;
  for (const { first, last, body } of slices) {
    if (!sameBytes(body, whole.subarray(first, first + body.length))) {
      return finding('wrong bytes', `the bytes from ${first} are not those of version ${claim.version}`);
    }
    if (state !== 'done' || body.length === last - first + 1) continue;
    if (by.forwards.cut.has(claim.forward) && client.outcome?.hit !== true && client.outcome?.collapsed !== true)
      continue;
    return finding('wrong bytes', `${body.length} bytes said to be complete, expected ${last - first + 1}`);
  }
  const length = fieldValue(fields, 'content-length');
  return state === 'done' && length !== undefined && Number(length) !== client.body.length
    ? finding('wrong bytes', `Content-Length ${length} with ${client.body.length} bytes`)
    : undefined;
}

/** A body in a coding must be one that the client takes, made of the bytes of the version, and known by its own ETag. */
function judgeCoded(
  { asked, status, state, fields, body }: Client,
  { coding, whole }: { readonly coding: string; readonly whole: Uint8Array },
  { codings }: Judge,
): Finding | undefined {
  if (!takes(fieldValue(asked.fields, 'accept-encoding'), coding)) {
    return finding('wrong bytes', `coded as ${coding}, which the client does not take`);
  }
  if (status === 206) return finding('wrong bytes', 'a part of a coded body');
  const etag = versionTag(fields);
  if (etag !== undefined && codingOfTag(etag) !== coding)
    return finding('wrong bytes', `${coding} under the ETag ${etag}`);
  if (state !== 'done') return undefined;
  const decoded = codings.decode(coding, body);
  if (decoded !== undefined && sameBytes(decoded, whole)) return undefined;
  return finding('wrong bytes', `what is decoded from ${coding} is not what the version has`);
}

function ifRangeHeld({ fields, resource }: Client['asked'], claim: Claim): boolean {
  const wanted = fieldValue(fields, 'if-range');
  const version = { number: claim.version, at: 0, gone: false };
  return wanted === undefined || wanted === etagOf(resource, version, claim.variant);
}

/** What a 206 gives, or what is wrong with it. */
function slicesOf({ fields, body, asked }: Client, whole: Uint8Array): Slice[] | string {
  if (!hasField(asked.fields, 'range')) return 'a 206 for a request without Range';
  const type = fieldValue(fields, 'content-type') ?? '';
  if (type.startsWith('multipart/byteranges')) return multipartSlices(body, type, whole.length);
  const range = /^bytes (\d+)-(\d+)\/(\d+)$/.exec(fieldValue(fields, 'content-range') ?? '');
  if (range === null || Number(range[3]) !== whole.length) return 'a 206 whose Content-Range does not fit';
  return [{ first: Number(range[1]), last: Number(range[2]), body }];
}

/** The client is told that what it holds is valid: so it must be, at a version that is recent enough. */
function judgeNotModified(client: Client, claim: Claim | undefined, database: Database): Finding | undefined {
  const { asked, fields } = client;
  const versions = database.since(asked.resource, 0);
  const shown = claim === undefined ? versions : versions.filter(({ number }) => number === claim.version);
  const recent = shown.filter(({ number }) => number >= asked.mustShow && !isGone(number, versions));
  if (recent.some((version) => isHeld(client, version))) return undefined;
  if (shown.some((version) => isHeld(client, version))) {
    return finding('outdated', `a 304 for a version before ${asked.mustShow}, acknowledged before the request came`);
  }
  return finding('wrong bytes', `a 304 that no version warrants (${fieldValue(fields, 'etag') ?? 'no ETag'})`);
}

function isGone(number: number, versions: readonly Version[]): boolean {
  return versions.some((version) => version.number === number && version.gone);
}

function isHeld({ asked, fields }: Client, version: Version): boolean {
  const { resource } = asked;
  const noneMatch = fieldValue(asked.fields, 'if-none-match');
  if (noneMatch !== undefined) {
    return names(uncodedTags(noneMatch), etagOf(resource, version, variantOf(resource, asked.fields)));
  }
  const since = Date.parse(fieldValue(asked.fields, 'if-modified-since') ?? '');
  // Without Last-Modified a cache compares with Date (RFC 9111 §4.3.2).
  const modified = modifiedMs(resource, version) ?? Date.parse(fieldValue(fields, 'date') ?? '');
  return modified <= since;
}

function judgeUnsatisfied({ asked, fields }: Client, database: Database): Finding | undefined {
  const size = Number(/^bytes \*\/(\d+)$/.exec(fieldValue(fields, 'content-range') ?? '')?.[1]);
  const fits = (version: Version) => bodyBytes(asked.resource, version) === size;
  if (database.since(asked.resource, asked.mustShow).some(fits)) return undefined;
  return finding('outdated', `a 416 of a length ${size} that no recent version has`);
}

/** Without a claim a HEAD can be judged by its ETag only. */
function judgeHead(client: Client, database: Database): Finding | undefined {
  const { asked, fields } = client;
  const stated = versionTag(fields);
  const etag = stated === undefined ? undefined : uncodedTags(stated);
  const variant = variantOf(asked.resource, asked.fields);
  const version = database.since(asked.resource, 0).find((each) => etagOf(asked.resource, each, variant) === etag);
  if (etag === undefined) return undefined;
  return version === undefined
    ? finding('wrong bytes', `a HEAD with the ETag ${etag}, which is not of its resource and variant`)
    : judgeVersion(client, version.number);
}

function versionTag(fields: Fields): string | undefined {
  return fieldValue(fields, 'etag');
}

function finding(fault: Fault, sentence: string): Finding {
  return { fault, sentence };
}
