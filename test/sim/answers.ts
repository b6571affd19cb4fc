// What an honest origin answers when it reads the database at one instant: conditions and ranges included
// (RFC 9110 §13, §14). Written without the functions of src/semantics that it serves to check.

import type { OriginRequest } from '../../src/ports.ts';
import { type Fields, fieldValue, hasField } from '../../src/semantics/fields.ts';
import { CLAIM, type Claim, claimText, contentOf } from './content.ts';
import type { Version } from './database.ts';
import { bodyBytes, controlOf, etagOf, modifiedMs, type Resource, tagFields, variantOf } from './resources.ts';

/** One read of the database on behalf of one forwarded request. */
export interface Reading {
  readonly request: OriginRequest;
  readonly resource: Resource;
  readonly version: Version;
  readonly forward: number;
  /** A 5xx in place of the representation; undefined: none. */
  readonly error: { readonly status: number; readonly control: string | undefined } | undefined;
  /** True: a resource that sets cookies sets one now. */
  readonly cookie: boolean;
}

/** `fields` lack Date, which is that of the sending. */
export interface OriginAnswer {
  readonly status: number;
  readonly fields: Fields;
  readonly body: Uint8Array;
}

const NOTHING = new Uint8Array(0);

export function answerTo(reading: Reading): OriginAnswer {
  const { resource, version, error } = reading;
  if (error !== undefined) return representation(reading, error.status, NO_CONDITIONS);
  if (version.gone) return representation(reading, resource.goneStatus, NO_CONDITIONS);
  const answer = representation(reading, 200, ALL_CONDITIONS);
  return notModified(reading, answer) ?? partial(reading, answer) ?? answer;
}

const NO_CONDITIONS = { validators: false } as const;
const ALL_CONDITIONS = { validators: true } as const;

function representation(reading: Reading, status: number, has: { readonly validators: boolean }): OriginAnswer {
  const { request, resource, version } = reading;
  const claim = claimOn(reading, status);
  const varies = resource.varies && has.validators;
  const fields = [...statedFields(reading, claim.reader !== '-'), ...(varies ? ['vary', 'Accept-Language'] : [])];
  if (has.validators) fields.push(...validatorFields(resource, version, claim.variant));
  if (has.validators && resource.ranges) fields.push('accept-ranges', 'bytes');
  if (has.validators && resource.typed) fields.push('content-type', 'text/plain');
  if (resource.framing === 'length') fields.push('content-length', String(claim.length));
  if (request.method === 'HEAD') return { status, fields, body: NOTHING };
  return { status, fields: [...fields, CLAIM, claimText(claim)], body: contentOf(claim) };
}

function claimOn(reading: Reading, status: number): Claim {
  const { request, resource, version, forward } = reading;
  return {
    uri: resource.uri,
    version: version.number,
    variant: status === 200 ? variantOf(resource, request.fields) : 'any',
    reader: readerOf(reading),
    status,
    length: bodyBytes(resource, version),
    forward,
  };
}

/** Whom the answer is for alone, and why nobody else may have it. */
function readerOf(reading: Reading): string {
  const { request, resource } = reading;
  const control = controlNow(reading) ?? '';
  const id = fieldValue(request.fields, 'x-request-id') ?? '?';
  if (control.includes('private') || control.includes('no-store') || setsCookie(reading)) return id;
  if (/public|s-maxage|must-revalidate/.test(control)) return '-';
  return resource.personal === 'with-authorization' && hasField(request.fields, 'authorization') ? id : '-';
}

function controlNow({ resource, version, error }: Reading): string | undefined {
  return error === undefined ? controlOf(resource, version) : error.control;
}

function setsCookie({ resource, cookie }: Reading): boolean {
  return cookie && resource.personal === 'sets-cookie';
}

function statedFields(reading: Reading, personal: boolean): string[] {
  const control = controlNow(reading);
  const fields = control === undefined ? [] : ['cache-control', control];
  if (personal && setsCookie(reading)) fields.push('set-cookie', `reader=${readerOf(reading)}`);
  return [...fields, ...tagFields(reading.resource)];
}

function validatorFields(resource: Resource, version: Version, variant: string): string[] {
  const fields: string[] = [];
  const etag = etagOf(resource, version, variant);
  if (etag !== undefined) fields.push('etag', etag);
  const modified = modifiedMs(resource, version);
  if (modified !== undefined) fields.push('last-modified', new Date(modified).toUTCString());
  return fields;
}

function notModified(reading: Reading, answer: OriginAnswer): OriginAnswer | undefined {
  const { request, resource, version } = reading;
  if (!conditionHolds(request.fields, answer.fields)) return undefined;
  const variant = variantOf(resource, request.fields);
  const vary = resource.varies ? ['vary', 'Accept-Language'] : [];
  const fields = [...statedFields(reading, true), ...vary, ...validatorFields(resource, version, variant)];
  return { status: 304, fields, body: NOTHING };
}

/** RFC 9110 §13.1.2, §13.1.3: If-None-Match by weak comparison, and only without it If-Modified-Since. */
function conditionHolds(asked: Fields, has: Fields): boolean {
  const noneMatch = fieldValue(asked, 'if-none-match');
  if (noneMatch !== undefined) return names(noneMatch, fieldValue(has, 'etag'));
  const since = fieldValue(asked, 'if-modified-since');
  const modified = fieldValue(has, 'last-modified');
  return since !== undefined && modified !== undefined && Date.parse(modified) <= Date.parse(since);
}

/** True when an If-None-Match names the entity tag, weak or not. */
export function names(noneMatch: string, etag: string | undefined): boolean {
  if (noneMatch === '*') return true;
  const members = noneMatch.split(',').map((member) => member.trim().replace(/^W\//, ''));
  return etag !== undefined && members.includes(etag.replace(/^W\//, ''));
}

/** One range under a strong If-Range; what the origin does not understand it answers in full. */
function partial(reading: Reading, answer: OriginAnswer): OriginAnswer | undefined {
  const { request, resource } = reading;
  const asked = /^bytes=(\d*)-(\d*)$/.exec(fieldValue(request.fields, 'range') ?? '');
  if (asked === null || request.method !== 'GET' || !resource.ranges || !ifRangeHolds(request.fields, answer)) {
    return undefined;
  }
  const size = answer.body.length;
  const span = spanOf(asked[1] as string, asked[2] as string, size);
  const kept = answer.fields.filter((_, at) => answer.fields[at - (at % 2)] !== 'content-length');
  if (span === undefined) {
    const unsatisfied = ['content-range', `bytes */${size}`, 'content-length', '0'];
    return { status: 416, fields: unsatisfied, body: NOTHING };
  }
  const body = answer.body.subarray(span.first, span.last + 1);
  const length = resource.framing === 'length' ? ['content-length', String(body.length)] : [];
  const fields = [...kept, ...length, 'content-range', `bytes ${span.first}-${span.last}/${size}`];
  return { status: 206, fields, body };
}

function ifRangeHolds(asked: Fields, answer: OriginAnswer): boolean {
  const validator = fieldValue(asked, 'if-range');
  return validator === undefined || (validator.startsWith('"') && validator === fieldValue(answer.fields, 'etag'));
}

function spanOf(first: string, last: string, size: number): { first: number; last: number } | undefined {
  if (first === '') {
    const suffix = Math.min(Number(last), size);
    return last === '' || suffix === 0 ? undefined : { first: size - suffix, last: size - 1 };
  }
  const from = Number(first);
  const to = last === '' ? size - 1 : Math.min(Number(last), size - 1);
  return from >= size || to < from ? undefined : { first: from, last: to };
}
