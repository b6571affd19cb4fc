// Keys: what a program calls an entry, and the whole key under which tiers and invalidations know it.
//
// Two different keys must never make one whole key. A whole key is prefix + key + versions. `§`
// stands before a version and before a digest, and in no key as it is: a key that has one, is too long, or has what could
// forge a line of a log (control characters, marks of direction, half a surrogate pair) keeps its readable start and gets
// the digest of all of it.

import { percentEscaped } from '../../entry/key.ts';
import { KEY_MARK } from '../../entry/stored-value.ts';
import { expected, shown, TidegateError } from '../../errors.ts';
import { fnv1a } from '../../ledger/hashes.ts';
import { isRecord } from '../../options/kit.ts';
import { canonical, digest128 } from './digest.ts';

/** Of a whole key, in UTF-8: what the narrowest of the stores in use takes. */
const MAX_BYTES = 512;
/** Of the readable start of a key with a digest; a namespace's prefix is within it. */
const MAX_START_BYTES = 256;
const MAX_VERSIONS_BYTES = 128;

/** Stands before a version. */
export const MARK = KEY_MARK;
/** Stands before a digest. No version begins with `#`. */
export const DIGEST_MARK = `${MARK}#`;

const UNSAFE = /[\p{Cc}\p{Cs}\u2028\u2029\u202a-\u202e\u2066-\u2069§]/u;
/** In names also what separates them and what stands for others in a glob. */
const UNSAFE_IN_NAME = /[\p{Cc}\p{Cs}\u2028\u2029\u202a-\u202e\u2066-\u2069§%:*?\\#]/gu;

/** What namespaces of one cache have in common. */
export interface SeenKeys {
  /** True: some key may have a digest, so patterns must reach those. */
  digests: boolean;
  /** True: some namespace may have a version of its own. */
  versions: boolean;
}

export class KeySpace {
  /** `a:b:` of the namespace b in a; empty for the cache itself. */
  readonly prefix: string;
  /** `§` and a version for each level, as far as there are any. */
  readonly versions: string;
  /** The prefix of each level but the cache's: `a:`, `a:b:`. */
  readonly levels: readonly string[];
  readonly #seen: SeenKeys;
  readonly #levelVersions: readonly string[];
  /** A key of ASCII that is no longer needs no counting. */
  readonly #plainLength: number;
  /** True: its keys have neither a prefix nor a version. */
  readonly isBare: boolean;
  /** True: the namespace, or one above it, has a version. */
  readonly isVersioned: boolean;

  private constructor(levels: readonly string[], levelVersions: readonly string[], seen: SeenKeys) {
    this.levels = levels;
    this.prefix = levels.at(-1) ?? '';
    this.#levelVersions = levelVersions;
    this.versions = levelVersions
      .map((version) => MARK + version)
      .join('')
      .replace(/§+$/, '');
    this.#seen = seen;
    this.#plainLength = MAX_BYTES - utf8Length(this.prefix) - utf8Length(this.versions);
    this.isVersioned = this.versions !== '';
    this.isBare = this.prefix === '' && !this.isVersioned;
  }

  static ofCache(version: string | undefined, seen: SeenKeys): KeySpace {
    return new KeySpace([], [escapedVersion(version)], seen).#checked();
  }

  /** The namespace `name` within this one. Throws E_KEY. */
  within(name: string, version: string | undefined): KeySpace {
    if (typeof name !== 'string' || name === '') {
      expected('E_KEY', 'the name of a namespace to be a text that is not empty', name);
    }
    const levels = [...this.levels, `${this.prefix}${escaped(name)}:`];
    if (version !== undefined) this.#seen.versions = true;
    return new KeySpace(levels, [...this.#levelVersions, escapedVersion(version)], this.#seen).#checked();
  }

  #checked(): KeySpace {
    const names = { what: 'namespaces', text: this.prefix, most: MAX_START_BYTES };
    const versions = { what: 'versions', text: this.versions, most: MAX_VERSIONS_BYTES };
    for (const { what, text, most } of [names, versions]) {
      if (utf8Length(text) <= most) continue;
      const got = `${utf8Length(text)} in ${shown(text)}`;
      throw new TidegateError('E_KEY', `expected ${what} of at most ${most} bytes in all, got ${got}`);
    }
    return this;
  }

  /** The whole key. Throws E_KEY. */
  whole(key: string): string {
    if (typeof key !== 'string' || key === '') badKey(key);
    if (key.length > this.#plainLength) return this.#carefully(key);
    for (let at = 0; at < key.length; at++) {
      const code = key.charCodeAt(at);
      if (code < 0x20 || code > 0x7e) return this.#carefully(key);
    }
    return this.isBare ? key : this.prefix + key + this.versions;
  }

  #carefully(key: string): string {
    const named = this.prefix + key;
    const standing = standingFor(named, MAX_BYTES - utf8Length(this.versions));
    if (standing !== named) this.#seen.digests = true;
    return standing + this.versions;
  }

  /** The whole key under which the entry stands where neither the cache nor a namespace has a version. */
  versionless(key: string): string {
    return standingFor(this.prefix + key, MAX_BYTES);
  }

  /** What entries of this key have in common that have a version, whichever it is. */
  keyTag(key: string): string {
    // The same for each version, however much of the key's room it takes.
    return KEY_TAG + standingFor(this.prefix + key, MAX_BYTES - MAX_VERSIONS_BYTES);
  }

  /** The key as this namespace calls it, without any version; a digest stays. */
  keyOf(whole: string): string {
    const first = whole.indexOf(MARK);
    const at = first >= 0 && whole.startsWith(DIGEST_MARK, first) ? whole.indexOf(MARK, first + 1) : first;
    return whole.slice(this.prefix.length, at < 0 ? undefined : at);
  }
}

/** The key of a list: `users:list:<digest>`, the same for the same parameters in any order. Throws E_KEY. */
export function listKey(name: string, parameters: Readonly<Record<string, unknown>> = {}): string {
  if (typeof name !== 'string' || name === '') badKey(name);
  const refuse = (reason: string) => new TidegateError('E_KEY', `of the parameters of ${shown(name)}: ${reason}`);
  return `${name}:list:${digest128(canonical(parameters, refuse))}`;
}

/** Begins the tag that a key has in all its versions. */
export const KEY_TAG = `key${MARK}`;

/** The key itself, or its start with a digest where it is unsafe or too long. */
function standingFor(named: string, maxBytes: number): string {
  const isPlain = !UNSAFE.test(named) && utf8Length(named) <= maxBytes;
  return isPlain ? named : `${readableStart(named)}${DIGEST_MARK}${digest128(named)}`;
}

/** As much of a key as stands before its digest. */
export function readableStart(named: string): string {
  const unsafe = UNSAFE.exec(named);
  const safe = unsafe === null ? named : named.slice(0, unsafe.index);
  let end = 0;
  for (let bytes = 0; end < safe.length; end++) {
    bytes += bytesOf(safe.charCodeAt(end));
    if (bytes > MAX_START_BYTES) break;
  }
  const start = safe.slice(0, end);
  return start.isWellFormed() ? start : start.slice(0, -1);
}

/** Throws E_KEY: a text would be taken for its characters. */
export function checkKeys(keys: unknown): void {
  if (!Array.isArray(keys)) expected('E_KEY', 'keys to be a list', keys);
}

function badKey(key: unknown): never {
  expected('E_KEY', 'a key to be a text that is not empty', key);
}

function escapedVersion(version: string | undefined): string {
  if (version === undefined) return '';
  if (typeof version === 'string' && version !== '') return escaped(version);
  expected('E_KEY', 'a version to be a text that is not empty', version);
}

/** Different names stay different: `%` itself is escaped. */
function escaped(name: string): string {
  return name.replace(UNSAFE_IN_NAME, percentEscaped);
}

function utf8Length(text: string): number {
  let bytes = 0;
  for (let at = 0; at < text.length; at++) bytes += bytesOf(text.charCodeAt(at));
  return bytes;
}

/** Of a code unit in UTF-8. Each half of a surrogate pair counts two of its four bytes. */
function bytesOf(code: number): number {
  if (code < 0x80) return 1;
  return code < 0x800 || (code >= 0xd800 && code <= 0xdfff) ? 2 : 3;
}

/** For a rollout: where a key stands between 0 and 1, the same in every process, and unlike for keys that are alike. */
export function placeOf(key: string): number {
  let hash = fnv1a(key);
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return ((hash ^ (hash >>> 16)) >>> 0) / 2 ** 32;
}

/** Throws E_CONFIG. */
export function checkEntries(entries: readonly unknown[]): void {
  if (!Array.isArray(entries)) expected('E_CONFIG', 'entries to be a list of { key, value, options }', entries);
  const other = entries.findIndex((one: unknown) => !isRecord(one) || !('key' in one) || !('value' in one));
  if (other >= 0) expected('E_CONFIG', 'each of entries to be { key, value, options }', entries[other]);
}
