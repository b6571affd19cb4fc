// What a repository refuses before it reads or writes anything: a wrong option found out after a write is found out too late.
//
// Each must make a key of its own, that is no list's and also fits into a tag.

import { expected, shown, TidegateError } from '../errors.ts';
import * as kit from '../options/kit.ts';
import type { DefaultOptions, Invalidation } from './contract.ts';
import { digest128 } from './digest.ts';
import { KeySpace } from './keys.ts';
import { Kinds } from './kinds.ts';
import { Terms } from './options.ts';
import { checkInvalidation } from './selection.ts';

const FUNCTION = kit.required(kit.func);

const OPTIONS: Readonly<Record<string, kit.Check>> = {
  entity: kit.anything,
  cache: kit.required(kit.be('one that createCache made', (cache) => kit.has(cache, 'getOrSet', 'invalidate'))),
  ...{ findById: FUNCTION, findMany: FUNCTION, create: FUNCTION, update: FUNCTION, remove: FUNCTION, idOf: FUNCTION },
  ...{ item: checkEntries, list: checkEntries },
  alsoInvalidates: (what) => checkInvalidation(what as Invalidation),
};

/** Of an id as it stands; what is longer than this is named by its digest. With its entity it must fit into a tag. */
const MAX_ID_LENGTH = 128;

/** Throws E_KEY, E_CONFIG, E_TTL, E_TAG, E_SELECTOR. */
export function checkRepository(options: object): void {
  const { entity } = options as kit.UnknownRecord;
  if (typeof entity !== 'string' || !/^[^:\s*?\\]{1,64}$/.test(entity)) {
    expected('E_KEY', 'entity to be a word of at most 64 characters without : * ? and backslash', entity);
  }
  kit.checkOptions(`the repository ${entity}`, options, OPTIONS);
}

function checkEntries(options: unknown, name: string): void {
  if (!kit.isRecord(options)) return expected('E_CONFIG', `${name} to be options`, options);
  const space = KeySpace.ofCache(undefined, { digests: false, versions: false });
  const { kind: _, ...rest } = options;
  new Terms(space, [rest as DefaultOptions], new Kinds());
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
