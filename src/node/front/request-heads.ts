// Heads of requests. The most frequent ones are read here: GET and HEAD in origin-form over HTTP/1.1, every byte visible
// ASCII, one line a field. The grammar is narrower than that of any lenient parser, and any other head goes to node:http
// instead of being refused; so only one parser decides what is allowed.
//
// Each head is checked before anything else reads it, since Node's parser lets more pass than a cache may (a second Host,
// a target with `#`, an absolute target for another host …).
//
// A head that two readers could understand differently is refused, since the origin is the other reader. But browsers
// and tools send more than RFC 3986 allows, so `|`, `^`, `[`, `{`, `}` and the backtick pass, in the query also `\`; a
// percent sign passes before any characters, and stays as it is.

import type { IncomingMessage } from 'node:http';
import { pathTrap } from '../../entry/path-readings.ts';
import { trimOws } from '../../semantics/fields.ts';
import type { ResolvedConfig } from '../config/config.ts';
import { type RequestRefusal, refused } from './refusals.ts';
import { type FieldScan, scanFields } from './request-fields.ts';

/** The head of a request from Node's parser or h2-head.ts. */
export interface RawHead {
  readonly method: string;
  readonly target: string;
  readonly httpVersion: string;
  readonly rawHeaders: readonly string[];
  /** HTTP/2 only: the stated scheme, and whether content follows; frames mark its end. */
  readonly scheme?: Scheme;
  readonly contentFollows?: boolean;
}

export type HeadLimits = Pick<
  ResolvedConfig['limits'],
  'maxTargetBytes' | 'maxHeadBytes' | 'maxFields' | 'maxRequestBodyBytes'
>;

/** How the message marks the end of the content (RFC 9112 §6.3); `chunked` also when only frames of HTTP/2 do. */
type Framing = 'none' | 'length' | 'chunked';

/** A head with one meaning only. */
export interface CheckedHead {
  readonly kind: 'ok';
  /** In lower case, with the port when one is given; empty for an HTTP/1.0 request that names none. */
  readonly host: string;
  /** Scheme of an absolute target, or of an HTTP/2 request. */
  readonly scheme: Scheme | undefined;
  /** Origin-form, or `*` (RFC 9112 §3.2.1, §3.2.4). */
  readonly target: string;
  readonly framing: Framing;
  /** 0 unless framing is `length`. */
  readonly contentLength: number;
  /** Whether the client waits for 100 before it sends the content (RFC 9110 §10.1.1). */
  readonly expectsContinue: boolean;
  readonly scan: FieldScan;
}

export type Scheme = 'http' | 'https';

/** Reads the head; the first rule that it breaks decides. */
export function checkHead(head: RawHead, limits: HeadLimits): CheckedHead | RequestRefusal {
  const refusal = checkLine(head, limits);
  if (refusal !== undefined) return refusal;
  const scan = scanFields(head.rawHeaders);
  const bytes = head.method.length + head.target.length + REQUEST_LINE_REST + scan.bytes;
  if (bytes > limits.maxHeadBytes) return refused('head-too-large', `${bytes} bytes, limit ${limits.maxHeadBytes}`);
  const destination = checkDestination(head, scan);
  if (destination.kind === 'refused') return destination;
  const content = checkContent(head, scan, limits);
  if (content.kind === 'refused') return content;
  // HTTP/1.0 knows no expectations; a server must ignore them there (RFC 9110 §10.1.1).
  const expects = head.httpVersion === '1.0' ? undefined : scan.expect;
  if (expects !== undefined && expects.toLowerCase() !== '100-continue') return refused('expectation', expects);
  return {
    kind: 'ok',
    host: destination.host,
    scheme: destination.scheme,
    target: destination.target,
    framing: content.framing,
    contentLength: content.length,
    expectsContinue: expects !== undefined && content.framing !== 'none',
    scan,
  };
}

/** ` SP HTTP/1.1 CRLF CRLF` and the space after the method. */
const REQUEST_LINE_REST = 14;

const VERSIONS: ReadonlySet<string> = new Set(['1.1', '2', '1.0']);

function checkLine(
  { method, target, httpVersion, rawHeaders }: RawHead,
  limits: HeadLimits,
): RequestRefusal | undefined {
  if (!VERSIONS.has(httpVersion)) return refused('http-version', `HTTP/${httpVersion}`);
  if (method === 'CONNECT') return refused('method-connect', method);
  // The answer would show a client the fields that were meant for the origin (RFC 9110 §9.3.8).
  if (method === 'TRACE') return refused('method-trace', method);
  const { maxTargetBytes, maxFields } = limits;
  if (target.length > maxTargetBytes)
    return refused('target-too-long', `${target.length} bytes, limit ${maxTargetBytes}`);
  const lines = rawHeaders.length / 2;
  return lines > maxFields ? refused('fields-too-many', `${lines} fields, limit ${maxFields}`) : undefined;
}

type Destination = Pick<CheckedHead, 'kind' | 'host' | 'scheme' | 'target'>;

function checkDestination(
  { method, target, httpVersion, scheme }: RawHead,
  scan: FieldScan,
): Destination | RequestRefusal {
  const bad = badCharacter(target);
  if (bad >= 0) return refused('target-characters', target.slice(Math.max(0, bad - 20), bad + 20));
  if (scan.hostLines > 1) return refused('host-repeated', scan.host as string);
  if (scan.host === undefined && httpVersion !== '1.0') return refused('host-missing', 'none');
  const host = scan.host === undefined ? '' : parseHost(scan.host);
  if (host === undefined) return refused('host-invalid', scan.host as string);
  const trap = pathTrap(target);
  if (trap !== undefined) return refused(trap, target);
  if (target.startsWith('/')) return { kind: 'ok', host, scheme, target };
  if (target !== '*') return checkAbsolute(target, host, method);
  return method === 'OPTIONS' ? { kind: 'ok', host, scheme, target } : refused('asterisk-form', method);
}

// `@`, which marks userinfo, is in neither part (RFC 9110 §4.2.4).
const ABSOLUTE = /^(https?):\/\/([^/?@]*)([/?].*)?$/i;

/** RFC 9112 §3.2.2: the target decides, but a different Host is a misunderstanding somewhere. */
function checkAbsolute(target: string, host: string, method: string): Destination | RequestRefusal {
  const [, schemeText, authority, rest = ''] = ABSOLUTE.exec(target) ?? [];
  if (schemeText === undefined || authority === undefined) return refused('target-form', target);
  const scheme = schemeText.toLowerCase() as Scheme;
  const named = parseHost(authority);
  if (named === undefined) return refused('host-invalid', authority);
  if (host !== '' && withoutDefaultPort(host, scheme) !== withoutDefaultPort(named, scheme)) {
    return refused('host-mismatch', `Host ${host}, target ${target}`);
  }
  // RFC 9112 §3.2.4: an absolute OPTIONS target without path and query stands for `*`.
  if (rest === '') return { kind: 'ok', host: named, scheme, target: method === 'OPTIONS' ? '*' : '/' };
  return { kind: 'ok', host: named, scheme, target: rest.startsWith('/') ? rest : `/${rest}` };
}

const QUESTION_MARK = 0x3f;
const BACKSLASH = 0x5c;

/** 1: allowed. Visible ASCII without the delimiters of RFC 3986 Appendix C and the fragment's `#`. */
const ALLOWED = Uint8Array.from({ length: 128 }, (_, char) =>
  char > 0x20 && char < 0x7f && !'"#<>'.includes(String.fromCharCode(char)) ? 1 : 0,
);

/** Index of the target's first forbidden character, or -1. */
function badCharacter(target: string): number {
  let inPath = true;
  for (let at = 0; at < target.length; at++) {
    const char = target.charCodeAt(at);
    if (ALLOWED[char] !== 1) return at;
    if (char === QUESTION_MARK) inPath = false;
    // Browsers and some origins take a backslash for a slash (WHATWG URL); others do not.
    else if (char === BACKSLASH && inPath) return at;
  }
  return -1;
}

// uri-host [ ":" port ] (RFC 9110 §7.2), limited to addresses and names as in the DNS, with `_` and `~`.
const HOST = /^(?:[a-z0-9_~-]+(?:\.[a-z0-9_~-]+)*\.?|\[[0-9a-f:.]+\])(?::([1-9]\d{0,4}))?$/;

/** The host and port in lower case; returns undefined for any other form. */
export function parseHost(text: string): string | undefined {
  if (text !== lastHost.text) lastHost = { text, host: readHost(text) };
  return lastHost.host;
}

/** Most requests name the host of the request before. */
let lastHost: { readonly text: string; readonly host: string | undefined } = { text: '', host: undefined };

/**
 * In the form that URL parsers give it: those later in the gate read the host in the URI of the key, and some forms of an address are
 * many (`[0::1]`, `0x7f.1`), others none (`1.2.3.4.5`).
 */
function readHost(text: string): string | undefined {
  const parts = HOST.exec(text.toLowerCase());
  if (parts === null) return undefined;
  const [whole, port] = parts;
  if (port !== undefined && Number(port) > 65_535) return undefined;
  const name = port === undefined ? whole : whole.slice(0, -port.length - 1);
  const read = URL.parse(`http://${name}/`)?.hostname;
  return read === undefined || port === undefined ? read : `${read}:${port}`;
}

/** RFC 9110 §4.2.3: `:80` of http and `:443` of https add nothing. */
export function withoutDefaultPort(host: string, scheme: Scheme): string {
  const port = scheme === 'http' ? ':80' : ':443';
  return host.endsWith(port) && !host.endsWith(`:${port}`) ? host.slice(0, -port.length) : host;
}

type Content = { readonly kind: 'ok'; readonly framing: Framing; readonly length: number };

const NO_CONTENT: Content = Object.freeze({ kind: 'ok', framing: 'none', length: 0 });
const UNSTATED: Content = Object.freeze({ kind: 'ok', framing: 'chunked', length: 0 });

/** RFC 9112 §6.1, §6.3: a request that marks the end of its content in two ways is an attack. */
function checkContent(
  { httpVersion, contentFollows }: RawHead,
  scan: FieldScan,
  limits: HeadLimits,
): Content | RequestRefusal {
  const { contentLength: stated, transferEncoding: coding } = scan;
  if (coding !== undefined) {
    if (stated !== undefined)
      return refused('length-and-coding', `Content-Length ${stated}, Transfer-Encoding ${coding}`);
    if (httpVersion !== '1.1') return refused('coding-in-http-1.0', coding);
    if (coding.toLowerCase() !== 'chunked') return refused('coding-unknown', coding);
    return { kind: 'ok', framing: 'chunked', length: 0 };
  }
  if (stated === undefined) return contentFollows === true ? UNSTATED : NO_CONTENT;
  if (scan.contentLengthLines > 1) return refused('length-repeated', stated);
  const length = /^\d{1,15}$/.test(stated) ? Number(stated) : Number.NaN;
  if (Number.isNaN(length)) return refused('length-invalid', stated);
  const { maxRequestBodyBytes } = limits;
  if (length > maxRequestBodyBytes)
    return refused('content-too-large', `${length} bytes, limit ${maxRequestBodyBytes}`);
  return length === 0 ? NO_CONTENT : { kind: 'ok', framing: 'length', length };
}

/** A head as `admit` takes it. */
export interface PlainHead {
  readonly method: string;
  readonly target: string;
  readonly httpVersion: '1.1';
  readonly rawHeaders: readonly string[];
  /** Everything after the request line, unchanged. */
  readonly rest: string;
  /** Where the next request begins. */
  readonly end: number;
}

// Names are tokens; values hold no control but HTAB and no byte above 0x7e (RFC 9110 §5.1, §5.5; RFC 9112 §2.2, §3, §5).
// A higher minor version is read as 1.1 (RFC 9110 §2.5).
const LINE = /^(GET|HEAD) (\/[!-~]*) HTTP\/1\.[1-9]\r\n/;
const FIELD_LINES = /^(?:[!#$%&'*+\-.^_`|~0-9A-Za-z]+:[\t -~]*\r\n)+$/;

/** node:http finds the end of any content, however little and however announced (RFC 9112 §6.3). */
const ANNOUNCES_CONTENT = /^(?:content-length|transfer-encoding):/im;

/** Longer heads go to node:http and its limits. */
const MAX_HEAD_BYTES = 16 * 1024;

/**
 * Reads the head that begins at `start`; returns undefined when it is not plain or not complete. `last`: the head
 * before it on this connection, whose fields are usually equal byte for byte.
 */
export function readPlainHead(bytes: Buffer, start: number, last: PlainHead | undefined): PlainHead | undefined {
  const blank = bytes.indexOf('\r\n\r\n', start, 'latin1');
  if (blank < 0 || blank - start > MAX_HEAD_BYTES) return undefined;
  const text = bytes.toString('latin1', start, blank + 2);
  const line = LINE.exec(text);
  if (line === null) return undefined;
  const [{ length }, method, target] = line as unknown as [string, string, string];
  const rest = text.slice(length);
  const end = blank + 4;
  if (last !== undefined && last.rest === rest) {
    return { method, target, httpVersion: '1.1', rawHeaders: last.rawHeaders, rest: last.rest, end };
  }
  if (!FIELD_LINES.test(rest) || ANNOUNCES_CONTENT.test(rest)) return undefined;
  return { method, target, httpVersion: '1.1', rawHeaders: rawHeadersOf(rest), rest, end };
}

/** Two readers of one head must agree on it, or what one of them has checked says nothing about the other's request. */
export function isSameHead(
  head: Omit<PlainHead, 'rest' | 'end'>,
  message: Pick<IncomingMessage, 'method' | 'url' | 'httpVersion'> & Pick<PlainHead, 'rawHeaders'>,
): boolean {
  const { method, url, httpVersion, rawHeaders } = message;
  if (method !== head.method || url !== head.target || httpVersion !== head.httpVersion) return false;
  if (rawHeaders.length !== head.rawHeaders.length) return false;
  return rawHeaders.every((text, at) => text === head.rawHeaders[at]);
}

function rawHeadersOf(lines: string): string[] {
  const raw: string[] = [];
  let start = 0;
  while (start < lines.length) {
    const colon = lines.indexOf(':', start);
    const end = lines.indexOf('\r\n', colon);
    raw.push(lines.slice(start, colon), trimOws(lines.slice(colon + 1, end)));
    start = end + 2;
  }
  return raw;
}
