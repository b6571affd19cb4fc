// An invalidation as programs write it, as selectors of the engine.
//
// A selection must reach its entries under every version and in every form of key. Patterns match whole keys, so they are
// widened to keys that end with a version and to keys of which only the start is readable. A pattern that is too wide costs a
// fill; one that is too narrow leaves an outdated answer.

import { type Members, readSelection } from '../../entry/selectors.ts';
import { expected } from '../../errors.ts';
import type { Selector } from '../../ledger/selector.ts';
import type { Invalidation } from '../contract.ts';
import { DIGEST_MARK, KeySpace, MARK, readableStart, type SeenKeys } from './key-space.ts';
import { checkedTags, namespaceTag, reachedTags, scopedTag } from './tags.ts';

/** Who invalidates. */
export interface Scope {
  readonly space: KeySpace;
  readonly outside: OutsideKeys;
  /** What patterns must reach; all true where slower tiers may hold anything. */
  readonly seen: Readonly<SeenKeys>;
}

const MEMBERS = {
  keys: 'list',
  tags: 'list',
  tables: 'list',
  pattern: 'texts',
  namespace: 'text',
  all: 'true',
  soft: 'flag',
} as const satisfies Readonly<Record<keyof Invalidation, Members[string]>>;

/** Throws E_SELECTOR, E_KEY, E_TAG. */
export function selectorsOf(what: Invalidation, scope: Scope): Selector[] {
  const named = readSelection(what, MEMBERS);
  const of = (name: keyof Invalidation) => named.flatMap(({ member, text }) => (member === name ? [text] : []));
  const tables = checkedTags(of('tables'), 'tables')
    .flatMap(reachedTags)
    .map((tag) => ({ kind: 'tag', tag }) as const);
  return [
    ...of('all').flatMap(() => everythingIn(scope)),
    // In whatever version a key was stored.
    ...of('keys').flatMap((key): Selector[] => [
      { kind: 'url', uri: scope.space.whole(key) },
      ...otherVersions(key, scope),
    ]),
    ...tagSelectors(checkedTags(of('tags'), 'tags'), scope),
    ...tables,
    ...of('pattern').flatMap((pattern) => patternSelectors(pattern, scope)),
    ...of('namespace').flatMap((name) => everythingIn({ ...scope, space: scope.space.within(name, undefined) })),
  ];
}

/** Whether an invalidation could be made of it, without making it. Throws E_SELECTOR, E_KEY, E_TAG. */
export function checkInvalidation(what: Invalidation): void {
  const seen = { digests: false, versions: false };
  selectorsOf(what, { space: KeySpace.ofCache(undefined, seen), outside: new OutsideKeys(false), seen });
}

/** The same key under other versions; nothing where none is in use. */
export function otherVersions(key: string, { space, seen }: Pick<Scope, 'space' | 'seen'>): Selector[] {
  if (!space.isVersioned && !seen.versions) return [];
  const tag = { kind: 'tag', tag: space.keyTag(key) } as const;
  // What has no version has no such tag either.
  return space.isVersioned ? [tag, { kind: 'url', uri: space.versionless(key) }] : [tag];
}

/** The whole cache, or the whole of a namespace. */
export function everythingIn({ space, outside }: Scope): Selector[] {
  const { prefix } = space;
  if (prefix === '') return [{ kind: 'all' }];
  const tag = { kind: 'tag', tag: namespaceTag(prefix) } as const;
  return outside.mayHave(prefix) ? [tag, { kind: 'prefix', prefix }] : [tag];
}

/** Tags in a namespace. What was stored there from outside has the tag only as it is. */
export function tagSelectors(tags: readonly string[], { space, outside }: Scope): Selector[] {
  const { prefix } = space;
  const isScoped = prefix !== '' && !outside.mayHave(prefix);
  return tags.map((tag) => ({ kind: 'tag', tag: isScoped ? scopedTag(prefix, tag) : tag }));
}

function patternSelectors(pattern: unknown, { space, seen }: Scope): Selector[] {
  if (typeof pattern !== 'string' || pattern === '')
    return expected('E_SELECTOR', 'a pattern that is not empty', pattern);
  // A prefix has no character that stands for others: names are escaped.
  const given = space.prefix + pattern;
  // A backslash at the very end stands for itself; here something may follow.
  const hasLooseEnd = (/\\*$/.exec(given)?.[0].length ?? 0) % 2 === 1;
  const glob = hasLooseEnd ? `${given}\\` : given;
  const isOpen = /(?:^|[^\\])(?:\\\\)*\*$/.test(glob);
  const patterns: string[] = [];
  if (isOpen || space.versions === '') patterns.push(glob);
  if (!isOpen && (space.versions !== '' || seen.versions)) patterns.push(`${glob}${MARK}*`);
  const { text, isAll } = literalStart(glob);
  const start = readableStart(text);
  if (seen.digests && !(isOpen && isAll && start === text)) {
    patterns.push(`${start.replace(/[*?\\]/g, '\\$&')}*${DIGEST_MARK}*`);
  }
  return patterns.map((one) => ({ kind: 'pattern', pattern: one }));
}

/** What every match begins with. `isAll`: nothing but stars come after it. */
function literalStart(glob: string): { text: string; isAll: boolean } {
  let text = '';
  for (let at = 0; at < glob.length; at++) {
    const character = glob[at] as string;
    if (character === '*' || character === '?') return { text, isAll: /^\*+$/.test(glob.slice(at)) };
    if (character === '\\') at++;
    text += glob[at] ?? '';
  }
  return { text, isAll: false };
}

const BITS = 2 ** 15;

/**
 * Which namespaces have entries that were stored from outside: the cache itself stored `a:1`, which lies in the namespace
 * a, but has none of a's tags. A namespace's invalidations reach such entries by other, coarser means.
 *
 * It may forget nothing, and must not grow. So it is a table of bits by hash: a collision makes an
 * invalidation coarser, never too narrow.
 */
export class OutsideKeys {
  /** Another process may have stored entries, e.g. in a slower tier before the start. Then any prefix may have some. */
  readonly #isUnknown: boolean;
  readonly #bits = new Uint32Array(BITS / 32);

  constructor(isUnknown: boolean) {
    this.#isUnknown = isUnknown;
  }

  /** An entry is stored by a namespace with this prefix: it lies in all that its key might name after that. */
  note(prefix: string, key: string): void {
    if (this.#isUnknown || !key.includes(':')) return;
    let hash = added(SEED, prefix);
    for (let at = 0; at < key.length; at++) {
      const code = key.charCodeAt(at);
      hash = Math.imul(hash ^ code, PRIME);
      if (code === COLON) this.#mark(hash);
    }
  }

  /** Returns false only if no other namespace has stored an entry with this prefix. */
  mayHave(prefix: string): boolean {
    if (this.#isUnknown) return true;
    const bit = bitOf(added(SEED, prefix));
    return ((this.#bits[bit >>> 5] as number) & (1 << (bit & 31))) !== 0;
  }

  #mark(hash: number): void {
    const bit = bitOf(hash);
    this.#bits[bit >>> 5] = (this.#bits[bit >>> 5] as number) | (1 << (bit & 31));
  }
}

const COLON = 58;
const SEED = 0x811c9dc5;
const PRIME = 0x01000193;

/** FNV-1a over UTF-16 code units. */
function added(hash: number, text: string): number {
  let mixed = hash;
  for (let at = 0; at < text.length; at++) mixed = Math.imul(mixed ^ text.charCodeAt(at), PRIME);
  return mixed;
}

function bitOf(hash: number): number {
  return (hash ^ (hash >>> 15)) & (BITS - 1);
}
