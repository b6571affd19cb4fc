// What a repository refuses before it reads or writes anything: a wrong option found out after a write is found out too late.
//
// Each must make a key of its own, that is no list's and also fits into a tag.

import { expected, shown, TidegateError } from '../errors.ts';
import type { DefaultOptions, Invalidation } from './contract.ts';
import { digest128 } from './digest.ts';
import { KeySpace } from './keys.ts';
import { Kinds } from './kinds.ts';
import { Terms } from './options.ts';
import { checkInvalidation } from './selection.ts';

const FUNCTIONS = ['findById', 'findMany', 'create', 'update', 'remove', 'idOf'] as const;
const NAMES: ReadonlySet<string> = new Set(['cache', 'entity', 'item', 'list', 'alsoInvalidates', ...FUNCTIONS]);

/** Of an id as it stands; what is longer than this is named by its digest. With its entity it must fit into a tag. */
const MAX_ID_LENGTH = 128;

/** Throws E_KEY, E_CONFIG, E_TTL, E_TAG, E_SELECTOR. */
export function checkRepository(options: object): void {
  const given = options as Readonly<Record<string, unknown>>;
  const { entity, cache } = given;
  if (typeof entity !== 'string' || !/^[^:\s*?\\]{1,64}$/.test(entity)) {
    const expected = 'expected entity to be a word of at most 64 characters without : * ? and backslash';
    throw new TidegateError('E_KEY', `${expected}, got ${shown(entity)}`);
  }
  // A misspelt `alsoInvalidates` would leave outdated what it names.
  const unknown = Object.keys(given).find((name) => !NAMES.has(name));
  if (unknown !== undefined) expected('E_CONFIG', `options of ${[...NAMES].join(', ')}`, unknown);
  const { getOrSet, invalidate } = (cache ?? {}) as Readonly<Record<string, unknown>>;
  if (typeof getOrSet !== 'function' || typeof invalidate !== 'function') {
    expected('E_CONFIG', `cache of the repository ${entity} to be one that createCache made`, cache);
  }
  for (const name of FUNCTIONS) {
    if (typeof given[name] !== 'function')
      expected('E_CONFIG', `${name} of the repository ${entity} to be a function`, given[name]);
  }
  checkEntries(given.item);
  checkEntries(given.list);
  if (given.alsoInvalidates !== undefined) checkInvalidation(given.alsoInvalidates as Invalidation);
}

function checkEntries(options: unknown): void {
  if (options === undefined) return;
  if (typeof options !== 'object' || options === null) expected('E_CONFIG', 'item and list to be options', options);
  const space = KeySpace.ofCache(undefined, { digests: false, versions: false });
  const { kind: _, ...rest } = options as { readonly kind?: string };
  new Terms(space, [rest satisfies DefaultOptions], new Kinds());
}

export function isId(id: unknown): boolean {
  return typeof id === 'string' || typeof id === 'bigint' || (typeof id === 'number' && !Number.isNaN(id));
}

/** An id as part of a key: unlike that of any other, and no list's. Throws E_KEY. */
export function idText(id: unknown): string {
  if (!isId(id)) {
    const got = typeof id === 'number' ? 'NaN' : shown(id);
    throw new TidegateError('E_KEY', `expected an id to be a text or a number, got ${got}`);
  }
  const text = String(id);
  // A colon in an id could make the key of a list. A percent sign is written as %25, so no id is taken for a digest.
  const escaped = text.replace(/[%:]/g, (mark) => (mark === '%' ? '%25' : '%3a'));
  return escaped.length > MAX_ID_LENGTH ? `%d${digest128(text)}` : escaped;
}
