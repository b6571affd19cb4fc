// Answers of origins, and the values of their fields: no reader throws or takes long, and nothing private is stored.

import { parseCacheControl, requestDemands } from '../../../src/semantics/cache-control.ts';
import { originEtags } from '../../../src/semantics/content-coding.ts';
import {
  fieldValue,
  hasField,
  parseHttpDate,
  selectingFields,
  trimOws,
  withoutHopByHop,
} from '../../../src/semantics/fields.ts';
import { reuseTerms } from '../../../src/semantics/freshness.ts';
import { groupsInvalidated, invalidatedUris, tagsOf } from '../../../src/semantics/invalidation.ts';
import { CONFORMANCE_POLICY, SAFE_POLICY } from '../../../src/semantics/policy.ts';
import { acceptedCodings } from '../../../src/semantics/preferences.ts';
import { parseContentRange, parseRange, resolveRanges } from '../../../src/semantics/ranges.ts';
import { decideReuse, etagInList, ifRangeHolds, notModifiedFields } from '../../../src/semantics/reuse.ts';
import { decideStoring, storableFields } from '../../../src/semantics/storing.ts';
import { parseDictionary, parseList } from '../../../src/semantics/structured-fields.ts';
import { freshenedFields, headUpdate, validationFields, validators } from '../../../src/semantics/validation.ts';
import { languageSelects, normaliserFor } from '../../../src/semantics/vary.ts';
import { bytesTarget, holds } from '../target.ts';

const URI = 'http://example.org/a/b?c=1';
const NOW = Date.UTC(2026, 0, 1);

function linesOf(text: string): string[] {
  return text.split('\r\n').flatMap((line) => {
    const colon = line.indexOf(':');
    return colon < 1 ? [] : [line.slice(0, colon).toLowerCase(), trimOws(line.slice(colon + 1))];
  });
}

/** A request's fields, an empty line, then a status and the answer's fields. */
function exchangeOf(bytes: Buffer) {
  const [asked = '', answered = ''] = bytes.toString('latin1').split('\r\n\r\n');
  const [status = '', ...lines] = answered.split('\r\n');
  const request = { method: asked.startsWith('post') ? 'POST' : 'GET', uri: URI, fields: linesOf(asked) };
  return { request, head: { status: Number.parseInt(status, 10) || 200, fields: linesOf(lines.join('\r\n')) } };
}

const answers = bytesTarget({
  name: 'answers',
  seeds: [
    'accept: */*\r\n\r\n200\r\ncache-control: max-age=60, stale-while-revalidate="5"\r\netag: W/"a"\r\nvary: accept, Accept-Encoding\r\ndate: Thu, 01 Jan 2026 00:00:00 GMT',
    'authorization: x\r\nrange: bytes=0-1,5-\r\n\r\n206\r\ncontent-range: bytes 0-1/10\r\ncache-control: public, s-maxage=1\r\ncdn-cache-control: max-age=9;x',
    'post\r\ncookie: a=b\r\n\r\n201\r\nlocation: /c\r\ncontent-location: http://example.org/a/b?c=1\r\ncache-group-invalidation: "a", "b"\r\nset-cookie: a=1',
    'if-none-match: "a", W/"b"\r\n\r\n404\r\nexpires: 0\r\nage: 7\r\nlast-modified: Wed, 31-Dec-25 00:00:00 GMT\r\nsurrogate-key: a b\r\ncache-tag: a,b',
  ],
  words: [
    ...[
      'cache-control: ',
      'no-store',
      'private="set-cookie"',
      'no-cache',
      'max-age=',
      'must-understand',
      's-maxage=10',
      'public',
      ', ',
    ],
    ...[
      'vary: *',
      'vary: ',
      'set-cookie: a=b',
      'expires: ',
      'pragma: no-cache',
      'age: 99999999999',
      'connection: etag, vary',
      '\r\n',
    ],
    ...[
      'Thu, 01 Jan 2026 00:00:00 GMT',
      'etag: "',
      'warning: 110',
      'cdn-cache-control: ',
      'content-range: bytes 1-2/*',
      'link: <a>',
      '\r\n\r\n304\r\n',
    ],
  ],
  run(bytes) {
    const { request, head } = exchangeOf(bytes);
    const shape: string[] = [];
    for (const policy of [SAFE_POLICY, CONFORMANCE_POLICY, { ...SAFE_POLICY, ttlMs: 60_000 }]) {
      const basis = reuseTerms(head, policy, { requestTimeMs: NOW - 10, responseTimeMs: NOW });
      holds('a lifetime is a number of at least 0', basis.terms.lifetimeMs >= 0);
      holds('an entry was born before it came', basis.bornMs <= NOW);
      const decision = decideStoring(request, head, { policy, delimited: true });
      const control = parseCacheControl(fieldValue(head.fields, 'cache-control'));
      if (decision.kind === 'store') {
        holds('a 304 is stored as nothing', head.status !== 304);
        if (policy.profile === 'safe')
          holds('no Set-Cookie is stored', !hasField(storableFields(head.fields, policy), 'set-cookie'));
        holds('Vary: * is not stored', selectingFields(fieldValue(head.fields, 'vary')) !== 'any');
      }
      const reuse = decideReuse(requestDemands(request.fields), basis, {
        now: NOW + 1_000,
        outdated: head.status % 2 === 0,
      });
      if (head.status % 2 === 0)
        holds('what is outdated does not serve', reuse.kind === 'validate' || reuse.kind === 'refuse');
      shape.push(
        decision.kind === 'refuse' ? decision.reason : 'store',
        reuse.kind,
        String(Object.keys(control).length > 0),
      );
    }
    restOf(request.fields, head);
    return shape.join(' ');
  },
});

function restOf(
  fields: readonly string[],
  head: { readonly status: number; readonly fields: readonly string[] },
): void {
  tagsOf(head.fields, URI);
  groupsInvalidated({ method: 'POST', uri: URI }, head.fields);
  for (const uri of invalidatedUris(URI, head))
    holds('an answer names URIs of its own origin', uri.startsWith('http://example.org/'));
  const stored = withoutHopByHop(head.fields);
  const updated = freshenedFields(stored, head.fields);
  holds('freshening changes no length', fieldValue(updated, 'content-length') === fieldValue(stored, 'content-length'));
  headUpdate(stored, head.status, head.fields);
  validationFields(stored, { outdated: false });
  notModifiedFields(stored);
  ifRangeHolds(fields, stored);
  validators(stored);
}

const values = bytesTarget({
  name: 'field-values',
  seeds: [
    'max-age=1, private="a, b", x',
    'bytes=0-9, -5, 9-',
    'bytes 0-9/100',
    'a;q=1.0, "b c";x=?1, (1 2 :YQ==:)',
    'a=1, b;c=2, d=(e f)',
    'Sun, 06 Nov 1994 08:49:37 GMT',
    'W/"a", "b,c", *',
    'de-DE;q=0.5, *;q=0, en',
    'text/*;level="1";q=0.3, */*',
  ],
  words: [
    'bytes=',
    'q=0.',
    ';q=',
    '"',
    '\\"',
    ', ',
    '(',
    ')',
    ':',
    '?0',
    'W/"',
    '*',
    '99999999999999999999',
    'GMT',
    'gzip',
    'br',
    'identity',
    '%',
    '=',
  ],
  run(bytes) {
    const text = bytes.toString('latin1');
    const [, range] = [parseCacheControl(text), parseRange(text)];
    if (range !== undefined) {
      for (const { first, last } of resolveRanges(range, 100))
        holds('a range lies within the content', first >= 0 && first <= last && last < 100);
    }
    const content = parseContentRange(text);
    for (const kind of [SAFE_POLICY, CONFORMANCE_POLICY]) {
      const normalise = normaliserFor(kind);
      for (const name of ['accept', 'accept-language', 'accept-encoding', 'cookie', 'x-any']) {
        const once = normalise(name, text);
        holds(`${name} is normalised once and for all`, normalise(name, once) === once);
      }
    }
    const date = parseHttpDate(text, NOW);
    if (date !== undefined) holds('a date is a number', Number.isFinite(date));
    const accepted = acceptedCodings(text, ['zstd', 'br', 'gzip']);
    languageSelects(text, 'en');
    etagInList(text, '"a"');
    originEtags(text);
    const forms = [range, content, date, parseList(text), parseDictionary(text)].map((form) =>
      form === undefined ? 0 : 1,
    );
    return `${forms.join('')} ${JSON.stringify(accepted).slice(0, 60)}`;
  },
});

export const ANSWER_TARGETS = [answers, values];
