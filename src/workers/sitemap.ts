// The addresses in an XML sitemap (sitemaps.org), read as it arrives: a Worker has neither room for the largest that is
// allowed nor for a parser of XML.
//
// An address in a comment is taken for one of the sitemap. It is filled if a route takes it, which does no harm.

import { TidegateError } from '../errors.ts';

/** `index`: the addresses are those of further sitemaps. */
export interface SitemapPart {
  readonly kind: 'page' | 'index';
  readonly locations: readonly string[];
}

/** Never reads past the next one, or a sitemap that ends none of them would be read anew for each. */
const LOCATION = /<loc\s*>((?:(?!<loc[\s>])[\s\S])*?)<\/loc\s*>/g;
const LONGEST = 8_192;

/** The parts of a sitemap, in its order. Throws E_POPULATE where it is none. Bytes are UTF-8, as the protocol has it. */
export async function* sitemapParts(body: AsyncIterable<Uint8Array>): AsyncGenerator<SitemapPart> {
  const decoder = new TextDecoder();
  let rest = '';
  let kind: SitemapPart['kind'] | undefined;
  for await (const chunk of body) {
    rest += decoder.decode(chunk, { stream: true });
    kind ??= ROOTS[/<(?:\w+:)?(urlset|sitemapindex)[\s>]/.exec(rest)?.[1] ?? ''];
    if (kind === undefined) {
      rest = rest.slice(-LONGEST);
      continue;
    }
    const locations: string[] = [];
    let end = 0;
    for (const match of rest.matchAll(LOCATION)) {
      locations.push(textOf(match[1] as string));
      end = match.index + match[0].length;
    }
    rest = rest.slice(Math.max(end, rest.length - LONGEST));
    yield { kind, locations };
  }
  if (kind === undefined)
    throw new TidegateError('E_POPULATE', 'expected a sitemap, got no urlset and no sitemapindex');
}

const ROOTS: Readonly<Record<string, SitemapPart['kind']>> = { urlset: 'page', sitemapindex: 'index' };

const NAMED: Readonly<Record<string, string>> = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'" };

function textOf(content: string): string {
  const trimmed = content.trim();
  const data = /^<!\[CDATA\[([\s\S]*)\]\]>$/.exec(trimmed);
  if (data !== null) return (data[1] as string).trim();
  return trimmed.replace(/&(#x[0-9a-f]{1,6}|#\d{1,7}|\w+);/gi, (whole, name: string) => {
    if (!name.startsWith('#')) return NAMED[name] ?? whole;
    const code = /^#x/i.test(name) ? Number.parseInt(name.slice(2), 16) : Number(name.slice(1));
    return code <= 0x10ffff ? String.fromCodePoint(code) : whole;
  });
}
