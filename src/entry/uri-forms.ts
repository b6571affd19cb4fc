// The forms that a URL, a prefix or a glob over URLs takes in cache keys.
//
// A text may have more than one. A port may be the default of the scheme, or the beginning of another; a glob does not
// say where its host ends or its query begins. So all forms are returned: one too many costs a fill, a missing one an
// outdated answer.

import { expected } from '../errors.ts';
import { isKeyable, normalEscapes, normalTarget, withoutDotSegments, withoutInnerDotSegments } from './key.ts';

const A_URL = 'an absolute http or https URL, its host in the usual form and without userinfo';
const A_PREFIX = 'the beginning of a URL, from http:// or https:// on, without userinfo or a fragment';
const A_GLOB = 'a glob over whole URLs, e.g. "*/users/*" or "http://example.org/users/*"';

/** Scheme, authority, and the rest. */
const SPLIT = /^(https?):\/\/([^/?#\\]*)(.*)$/is;
/** No URL has them, and URL drops some silently. */
const UNFIT = /\p{Cc}|^ | $/u;

/** A URL as it stands in a key. Throws E_SELECTOR. */
export function parseUri(text: string): string {
  const parts = UNFIT.test(text) ? null : SPLIT.exec(text);
  if (parts === null) return expected('E_SELECTOR', A_URL, text);
  const [, scheme, authority, rest] = parts as unknown as [string, string, string, string];
  const origin = originOf(scheme, authority) ?? expected('E_SELECTOR', A_URL, text);
  return origin + normalTarget(targetOf(rest.replace(/#.*$/, ''), text));
}

/** All forms of a URL's beginning. Throws E_SELECTOR. */
export function prefixForms(text: string): readonly string[] {
  const parts = UNFIT.test(text) || text.includes('#') ? null : SPLIT.exec(text);
  if (parts === null) return expected('E_SELECTOR', A_PREFIX, text);
  const [, scheme, authority, rest] = parts as unknown as [string, string, string, string];
  if (rest === '') return authorityForms(scheme.toLowerCase(), authority) ?? expected('E_SELECTOR', A_PREFIX, text);
  const origin = originOf(scheme, authority) ?? expected('E_SELECTOR', A_PREFIX, text);
  const target = targetOf(rest, text);
  if (/%[0-9a-f]?$/i.test(target)) return expected('E_SELECTOR', 'a prefix that ends with a whole %XX', text);
  if (target.includes('?')) return [origin + normalTarget(target)];
  const path = withoutInnerDotSegments(normalEscapes(target));
  return path.endsWith('/..')
    ? expected('E_SELECTOR', 'a prefix that does not end with a dot segment', text)
    : [origin + path];
}

/** All forms of a glob. Throws E_SELECTOR. */
export function patternForms(text: string): readonly string[] {
  if (text.length > MAX_GLOB)
    return expected('E_SELECTOR', `a glob of up to ${MAX_GLOB} characters`, `${text.length} characters`);
  const [, start, rest] = /^((?:[^/]*:\/\/)?[^/]*)(.*)$/s.exec(text) as unknown as [string, string, string];
  const literal = (LITERAL.exec(text) as unknown as [string])[0].replace(/\\([\s\S])/g, '$1').toLowerCase();
  const isOfUrls = SCHEMES.some((scheme) => scheme.startsWith(literal) || literal.startsWith(scheme));
  if (text === '' || UNFIT.test(text) || text.includes('#') || !isOfUrls) return expected('E_SELECTOR', A_GLOB, text);
  if (/%[0-9a-f]?[*?]/i.test(text)) return expected('E_SELECTOR', 'a glob in which each %XX is whole', text);
  // A wildcard's match is unknown, so nobody knows what a dot segment behind it removes; in a query it removes
  // nothing.
  const path = (/^[^?]*\??/.exec(rest) as unknown as [string])[0];
  if (path.includes('*') && /\/\.\.?(?:\/|$)/.test(path.slice(path.indexOf('*'))))
    return expected('E_SELECTOR', 'a glob without a dot segment after a wildcard', text);
  const starts = startForms(start, literal) ?? expected('E_SELECTOR', A_GLOB, text);
  const targets = globTargets(rest, /[*?\\]/.test(start));
  const forms = starts.flatMap((one) => targets.flatMap((target) => endsOf(one, target)));
  return [...new Set(forms.flatMap(quoteForms))];
}

/** Longer than a URL that the gate takes, unless configured otherwise. */
export const MAX_GLOB = 8_192;
const SCHEMES = ['http://', 'https://'];
/** The beginning of a glob, up to its first wildcard. */
const LITERAL = /^(?:\\[\s\S]|[^*?\\])*/;

/** Returns undefined when no key has it, or a key has another form of the host. */
function originOf(scheme: string, authority: string): string | undefined {
  const url = URL.parse(`${scheme}://${authority}`);
  if (url === null || authority === '' || authority.includes('@')) return undefined;
  const host = authority.replace(/:[0-9]*$/, '').toLowerCase();
  // A key has the host as its clients wrote it: there 127.1 differs from 127.0.0.1.
  return isKeyable(host) && host !== url.hostname ? undefined : url.origin;
}

/** Some readers take a backslash in a path for a slash; the front refuses it. */
function targetOf(rest: string, text: string): string {
  const target = rest.startsWith('/') ? rest : `/${rest}`;
  return /^[^?]*\\/.test(target) ? expected('E_SELECTOR', 'a URL without a backslash in its path', text) : target;
}

/** Without a path the authority may be cut anywhere: `example.org:80` begins `example.org:8080`, and means port 80. */
function authorityForms(scheme: string, authority: string): readonly string[] | undefined {
  if (!/^[!-~]*$/.test(authority) || /[@\\^`{|}"<>%]/.test(authority)) return undefined;
  const cut = `${scheme}://${authority.toLowerCase()}`;
  const host = cut.replace(defaultPort(scheme), '');
  return host === cut ? [cut] : [cut, `${host}/`];
}

/** The default port at the end of an authority; a glob may leave `scheme` open. */
function defaultPort(scheme: string | undefined): RegExp {
  return scheme === undefined ? /:(?:80|443)?$/ : scheme === 'http' ? /:(?:80)?$/ : /:(?:443)?$/;
}

/** The forms of a glob's part before the path. Undefined when no key has it. */
function startForms(start: string, literal: string): readonly string[] | undefined {
  const lower = start.toLowerCase();
  const [, scheme, authority = ''] = /^(https?):\/\/(.*)$/s.exec(lower) ?? [];
  if (scheme !== undefined && !/[*?\\]/.test(authority)) {
    const origin = originOf(scheme, authority);
    return origin === undefined ? undefined : [origin];
  }
  // After its first wildcard the text may belong to a path, where case matters.
  const asWritten = lower.slice(0, literal.length) + normalGlob(start.slice(literal.length));
  const port = defaultPort(scheme);
  const openPort = new RegExp(port.source.replace('$', '(?=[*])'));
  return [asWritten, lower].flatMap((one) => {
    // A question mark may begin a query right after the host; its key has a slash between them.
    const query = one.replace(/^(https?:\/\/[^*?\\]+?)(?::[0-9]*)?\?/, '$1/?');
    return [one, one.replace(port, ''), one.replace(openPort, ''), query];
  });
}

/** A key always has a path. */
function endsOf(start: string, target: string): readonly string[] {
  if (target !== '' || /(?:^|[^\\])\*$/.test(start)) return [start + target];
  return /^https?:\/\/[^*?\\]*$/.test(start) ? [`${start}/`] : [start, `${start}/`];
}

/** In a glob `?` stands for any character, so the query may begin there; or before it, where a wildcard precedes it. */
function globTargets(rest: string, isOpen: boolean): readonly string[] {
  const text = normalGlob(rest);
  const path = /^(?:\\\*|[^*?\\])*/.exec(text)?.[0] as string;
  const isWhole = path.length === text.length || text.startsWith('\\?', path.length);
  const target = (isWhole ? withoutDotSegments(path) : withoutInnerDotSegments(path)) + text.slice(path.length);
  return isOpen && text !== target ? [target, text] : [target];
}

/** A glob whose literal text is in the form of `normalEscapes`. */
export function normalGlob(glob: string): string {
  return glob.replace(GLOB_PART, (part) => {
    if (part === '*' || part === '?' || part === '\\*' || part === '\\?') return part;
    return normalEscapes(part.startsWith('\\') ? part.slice(1) || part : part);
  });
}

const GLOB_PART = /\\[\s\S]?|[*?]|[^\\*?%]+|%[0-9a-f]{2}|%/gi;

/** Only a query encodes an apostrophe, and a glob need not say where its query begins: after any apostrophe, or none. */
function quoteForms(glob: string): readonly string[] {
  const parts = glob.split("'");
  if (parts.length > MAX_QUOTES)
    return expected('E_SELECTOR', `a glob with fewer than ${MAX_QUOTES} apostrophes`, glob);
  return parts.map((_, at) => [parts.slice(0, at + 1).join("'"), ...parts.slice(at + 1)].join('%27'));
}

const MAX_QUOTES = 10;
