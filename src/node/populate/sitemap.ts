// XML sitemaps and indexes of sitemaps (sitemaps.org), fetched from a configured origin by the route of clients' requests, so
// that no other host is ever asked, whatever a URL says; and parsed as they arrive.
//
// A sitemap is delivered whole or refused whole: its bytes, its URLs, its elements and the depth of its indexes are
// bounded; it has no document type (which could define entities), and may name URLs of its own host only. A compressed
// sitemap may be small and still too large.

import { pipeline, Readable } from 'node:stream';
import { createGunzip } from 'node:zlib';
import type { SaxesParser } from 'saxes';
import type { PopulatePortion } from '../../admin/contract.ts';
import type { GateRequest } from '../../engine/contract.ts';
import type { PopulateItem } from '../../engine/populate/item.ts';
import type { NotStored } from '../../engine/populate/job.ts';
import { parseUri } from '../../entry/uri-forms.ts';
import { messageOf, shown, TidegateError } from '../../errors.ts';
import type { Forward } from '../../ports.ts';
import { fieldValue, type ResponseHead } from '../../semantics/fields.ts';

/** sitemaps.org, "Sitemap file format". */
const MAX_BYTES = 50 * 1024 * 1024;
const MAX_URLS = 50_000;
const MAX_URL_CHARS = 2_048;
/** Depth of nested elements; sitemaps need three, other vocabularies a few more. */
const MAX_ELEMENT_DEPTH = 16;
const MAX_ATTRIBUTES = 64;
/** Characters of what was got, in an error. */
const MAX_SHOWN = 80;
/** The priority of a URL that states none. */
const USUAL_PRIORITY = 0.5;

/** `sitemaps`: those in an index. */
export type Sitemap = PopulatePortion & { readonly sitemaps: readonly string[] };

/** The body of a 200; rejects with E_POPULATE, or with the origin's failure. */
export function sitemapBody(request: GateRequest): Promise<Readable> {
  const { route, target, uri, fields } = request;
  return new Promise((resolve, reject) => {
    let forward: Forward | undefined;
    const body = new Readable({
      read: () => forward?.resume(),
      destroy: (error, done) => {
        forward?.abort();
        done(error);
      },
    });
    // Without a listener an early 'error' would crash the process; iteration reports it too.
    body.on('error', () => {});
    const asked = { method: 'GET', target, fields, body: undefined, retryable: true };
    forward = route.origin.forward(asked, {
      interim: () => {},
      head: (head) => {
        const wrong = wrongWith(uri, head);
        if (wrong === undefined) return resolve(body);
        reject(wrong);
        body.destroy();
      },
      data: (chunk) => {
        if (!body.push(chunk)) forward?.pause();
      },
      end: () => {
        forward = undefined;
        body.push(null);
      },
      failed: (error) => {
        forward = undefined;
        reject(error);
        body.destroy(error);
      },
    });
  });
}

function wrongWith(uri: string, { status, fields }: ResponseHead): TidegateError | undefined {
  const say = (expected: string, got: string) =>
    new TidegateError('E_POPULATE', `${uri}: expected ${expected}, got ${got}`);
  // A redirect is not followed: it may lead to another host.
  if (status !== 200) return say('200 from its origin', String(status));
  const length = fieldValue(fields, 'content-length');
  if (Number(length) > MAX_BYTES) return say(`at most ${MAX_BYTES} bytes`, `${length}`);
  const coding = fieldValue(fields, 'content-encoding')?.toLowerCase() ?? 'identity';
  return coding === 'identity' || coding === 'gzip' || coding === 'x-gzip'
    ? undefined
    : say('gzip or no coding', coding);
}

/** Reads a sitemap; throws E_POPULATE when it is none, or too large. `url`: its own, in the form of a key. */
export async function readSitemap(url: string, body: Readable): Promise<Sitemap> {
  const { SaxesParser: Parser } = await import('saxes');
  const reader = new SitemapReader(url, new Parser());
  let bytes = 0;
  try {
    for await (const chunk of await unpacked(body)) {
      bytes += (chunk as Uint8Array).length;
      if (bytes > MAX_BYTES) throw refusal(url, `at most ${MAX_BYTES} bytes without compression`, 'more');
      reader.write(chunk as Uint8Array);
    }
    return reader.end();
  } catch (error) {
    if (error instanceof TidegateError) throw error;
    throw refusal(url, 'XML of a sitemap', error);
  } finally {
    body.destroy();
  }
}

/** Uncompressed bytes; a compressed file begins with 1f 8b, whatever its name and fields say. */
async function unpacked(body: Readable): Promise<AsyncIterable<Uint8Array>> {
  const chunks = body[Symbol.asyncIterator]() as AsyncIterator<Uint8Array>;
  let start = new Uint8Array(0);
  let done = false;
  while (start.length < 2 && !done) {
    const next = await chunks.next();
    done = next.done === true;
    if (!done) start = Buffer.concat([start, next.value]);
  }
  async function* all() {
    yield start;
    if (!done) yield* { [Symbol.asyncIterator]: () => chunks };
  }
  if (start[0] !== 0x1f || start[1] !== 0x8b) return all();
  const plain = createGunzip();
  pipeline(all(), plain, (error) => void (error && plain.destroy(error)));
  return plain;
}

class SitemapReader {
  readonly #url: string;
  readonly #host: string;
  readonly #parser: SaxesParser;
  readonly #utf8 = new TextDecoder('utf-8', { fatal: true });
  #depth = 0;
  readonly #sitemaps: string[] = [];
  readonly #items: PopulateItem[] = [];
  readonly #refused: NotStored[] = [];
  #attributes = 0;
  #text = '';
  #loc: string | undefined;
  #priority = USUAL_PRIORITY;

  constructor(url: string, parser: SaxesParser) {
    this.#url = url;
    this.#parser = parser;
    this.#host = new URL(url).host;
    this.#parser.on('error', (error) => {
      throw error;
    });
    this.#parser.on('doctype', () => {
      throw refusal(url, 'no document type', 'one');
    });
    this.#parser.on('opentagstart', () => {
      this.#attributes = 0;
    });
    this.#parser.on('attribute', () => {
      if (++this.#attributes > MAX_ATTRIBUTES)
        throw refusal(url, `at most ${MAX_ATTRIBUTES} attributes of a tag`, 'more');
    });
    this.#parser.on('opentag', ({ name }) => this.#begin(localName(name)));
    this.#parser.on('text', (text) => this.#take(text));
    this.#parser.on('cdata', (text) => this.#take(text));
    this.#parser.on('closetag', ({ name }) => this.#close(localName(name)));
  }

  write(chunk: Uint8Array): void {
    this.#parser.write(this.#utf8.decode(chunk, { stream: true }));
  }

  end(): Sitemap {
    this.#parser.write(this.#utf8.decode()).close();
    return { sitemaps: this.#sitemaps, items: this.#items, refused: this.#refused };
  }

  #begin(name: string): void {
    if (this.#depth === 0 && name !== 'urlset' && name !== 'sitemapindex') {
      throw refusal(this.#url, 'urlset or sitemapindex as the root element', name);
    }
    if (++this.#depth > MAX_ELEMENT_DEPTH) {
      throw refusal(this.#url, `elements ${MAX_ELEMENT_DEPTH} deep at most`, 'deeper ones');
    }
    this.#text = '';
    if (this.#depth === 2) {
      this.#loc = undefined;
      this.#priority = USUAL_PRIORITY;
    }
  }

  #take(text: string): void {
    // Elements of other vocabularies, such as images, lie deeper or have other names.
    if (this.#depth !== 3) return;
    this.#text += text;
    if (this.#text.length > 10 * MAX_URL_CHARS)
      throw refusal(this.#url, `URLs of at most ${MAX_URL_CHARS} characters`, 'more');
  }

  #close(name: string): void {
    const depth = this.#depth--;
    if (depth === 3 && name === 'loc') this.#loc = this.#text.trim();
    if (depth === 3 && name === 'priority') this.#priority = priorityOf(this.#text);
    if (depth === 2 && this.#loc !== undefined) this.#add(name, this.#loc);
  }

  #add(element: string, loc: string): void {
    if (this.#items.length + this.#refused.length + this.#sitemaps.length >= MAX_URLS) {
      throw refusal(this.#url, `at most ${MAX_URLS} URLs`, 'more');
    }
    const uri = loc.length > MAX_URL_CHARS ? undefined : uriOf(loc);
    if (uri === undefined) this.#refused.push({ url: loc.slice(0, MAX_URL_CHARS), reason: 'not-a-url' });
    else if (new URL(uri).host !== this.#host) this.#refused.push({ url: uri, reason: 'other-host' });
    else if (element === 'sitemap') this.#sitemaps.push(uri);
    else if (element === 'url') this.#items.push({ uri, hits: this.#priority / USUAL_PRIORITY });
  }
}

/** A URL in the form of a key, without its parts that a client would not send; returns undefined for any other text. */
export function uriOf(text: string): string | undefined {
  try {
    return parseUri(text);
  } catch (error) {
    if (error instanceof TidegateError) return undefined;
    throw error;
  }
}

function localName(name: string): string {
  return name.slice(name.indexOf(':') + 1);
}

function priorityOf(text: string): number {
  const priority = Number(text);
  return text.trim() !== '' && priority >= 0 && priority <= 1 ? priority : USUAL_PRIORITY;
}

function refusal(url: string, expected: string, got: unknown): TidegateError {
  // Names in it may be as long as the sitemap.
  const text = messageOf(got);
  const brief = text.length > MAX_SHOWN ? shown(text) : text;
  return new TidegateError('E_POPULATE', `sitemap ${url}: expected ${expected}, got ${brief}`);
}
