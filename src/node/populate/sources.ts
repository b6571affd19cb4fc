// Sources of URLs to fill: a list, a file, a sitemap, stored entries. Each delivers portions, so that a million URLs
// need not be in memory before the first is filled.

import { createReadStream } from 'node:fs';
import { createInterface } from 'node:readline';
import type { PopulatePortion, PopulateStart } from '../../admin/contract.ts';
import { itemsOf } from '../../admin/populate-api.ts';
import type { GateRequest } from '../../engine/contract.ts';
import { itemOfKey, type PopulateItem } from '../../engine/populate/item.ts';
import { TidegateError } from '../../errors.ts';
import type { Selector } from '../../ledger/selector.ts';
import type { Store } from '../../ports.ts';
import { type Fields, NO_FIELDS } from '../../semantics/fields.ts';
import type { SourceOutput } from '../config/config-schema.ts';
import { counted } from '../counted.ts';
import { readSitemap, sitemapBody, uriOf } from './sitemap.ts';

export type Source = AsyncIterable<PopulatePortion>;

export interface SourceDeps {
  /** The request that a client's for the URL would become; returns undefined when no route takes it. */
  readonly requestOf: (item: PopulateItem) => GateRequest | undefined;
  /** Fastest first. */
  readonly stores: readonly Pick<Store, 'find'>[];
  /** How often clients used an entry since it was filled. */
  readonly usesOf: (key: string) => number;
  /** Resolves when the origin may be asked for one more document; rejects when no more is wanted. */
  readonly turnAt: (originName: string) => Promise<void>;
}

export const PORTION = 500;
/** Levels of indexes: a sitemap may be an index of indexes. */
const MAX_DEPTH = 3;
/** Sitemaps that the indexes of one source may name in all. */
const MAX_SITEMAPS = 50_000;

/** Where the URLs of a job come from. `name`: for lists and logs. */
export type UrlSource =
  | NonNullable<PopulateStart['source']>
  | { readonly kind: 'urls'; readonly name: string; readonly urls: readonly string[] }
  | { readonly kind: 'file'; readonly name: string };

export function configured({ urls, file, sitemap }: SourceOutput): UrlSource {
  if (urls !== undefined) return { kind: 'urls', name: counted(urls.length, 'URL'), urls };
  if (file !== undefined) return { kind: 'file', name: file };
  if (sitemap !== undefined) return { kind: 'sitemap', name: sitemap, url: sitemap, fields: NO_FIELDS };
  return { kind: 'stored', name: 'manifest', selectors: [{ kind: 'all' }] };
}

export async function* portionsOf(source: UrlSource, deps: SourceDeps): Source {
  if (source.kind === 'urls') yield itemsOf(source.urls);
  else if (source.kind === 'file') yield* fromFile(source.name);
  else if (source.kind === 'sitemap') yield* fromSitemap(source.url, deps, source.fields);
  else yield* fromStores(source.selectors, deps);
}

async function* fromFile(path: string): Source {
  let values: unknown[] = [];
  for await (const value of valuesOfFile(path)) {
    if (values.push(value) < PORTION) continue;
    yield itemsOf(values);
    values = [];
  }
  yield itemsOf(values);
}

/** The values of a file, or for `-` of the standard input. Throws E_POPULATE when it cannot be read. */
export async function* valuesOfFile(path: string): AsyncGenerator<unknown> {
  const input = path === '-' ? process.stdin : createReadStream(path, 'utf8');
  try {
    for await (const line of createInterface({ input, crlfDelay: Number.POSITIVE_INFINITY })) {
      const value = valueOfLine(line);
      if (value !== undefined) yield value;
    }
  } catch (error) {
    const { message } = error as Error;
    throw new TidegateError('E_POPULATE', `expected a readable file of URLs, got ${message}`, { cause: error });
  }
}

/** The value of the line; undefined for a blank line or a `#` comment. Invalid JSON stays text, refused later as a URL. */
function valueOfLine(line: string): unknown {
  const text = line.trim();
  if (text === '' || text.startsWith('#')) return undefined;
  if (!text.startsWith('{')) return text;
  try {
    return JSON.parse(text);
  } catch (error) {
    if (error instanceof SyntaxError) return text;
    throw error;
  }
}

/** `fields`: the fields of a client's request for each of its URLs. */
export async function* fromSitemap(url: string, deps: SourceDeps, fields: Fields = NO_FIELDS): Source {
  const start = uriOf(url);
  if (start === undefined) throw new TidegateError('E_POPULATE', `expected the URL of a sitemap, got ${url}`);
  const seen = new Set<string>();
  const waiting = [{ uri: start, depth: 1 }];
  // Sitemaps of an index are appended, and read in their turn.
  for (const next of waiting) {
    if (seen.has(next.uri)) continue;
    seen.add(next.uri);
    const request = deps.requestOf({ uri: next.uri, fields: ['accept-encoding', 'gzip'] });
    if (request === undefined) {
      throw new TidegateError('E_POPULATE', `expected a sitemap on a host that a route takes, got ${next.uri}`);
    }
    await deps.turnAt(request.route.originName);
    const { sitemaps, items, refused } = await readSitemap(next.uri, await sitemapBody(request));
    if (sitemaps.length > 0 && next.depth === MAX_DEPTH) {
      throw new TidegateError('E_POPULATE', `expected indexes of sitemaps ${MAX_DEPTH} deep at most, got ${next.uri}`);
    }
    if (waiting.length - 1 + sitemaps.length > MAX_SITEMAPS) {
      throw new TidegateError('E_POPULATE', `expected at most ${MAX_SITEMAPS} sitemaps of ${start}, got more`);
    }
    for (const uri of sitemaps) waiting.push({ uri, depth: next.depth + 1 });
    for (let at = 0; at < items.length; at += PORTION) {
      yield { items: items.slice(at, at + PORTION).map((item) => ({ ...item, fields })), refused: [] };
    }
    yield { items: [], refused };
  }
}

/**
 * Entries stored or still named in any tier, each key once. The slowest tier comes last, because its keys, perhaps
 * millions, then need not be remembered.
 */
export async function* fromStores(selectors: readonly Selector[], { stores, usesOf }: SourceDeps): Source {
  const seen = new Set<string>();
  for (const store of stores) {
    let items: PopulateItem[] = [];
    for (const selector of selectors) {
      for await (const { kind, key } of store.find(selector)) {
        if (seen.has(key)) continue;
        if (store !== stores.at(-1) || selectors.length > 1) seen.add(key);
        const item = kind === 'response' ? itemOfKey(key) : undefined;
        if (item === undefined || items.push({ ...item, hits: 1 + usesOf(key) }) < PORTION) continue;
        yield { items, refused: [] };
        items = [];
      }
    }
    yield { items, refused: [] };
  }
}
