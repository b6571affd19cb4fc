// A repository over the cache: records by id and lists by parameters, read through the cache and invalidated by writes.
//
// A record that changes may enter or leave any list, so each write invalidates all lists of the entity; lists have the tags
// of their records as well, for those who change a record elsewhere and know its id.

import { expected, shown, TidegateError } from '../../errors.ts';
import * as kit from '../../options/kit.ts';
import type { Eventually } from '../../ports.ts';
import type { Cache, DefaultOptions, FillContext, Invalidation } from '../contract.ts';
import { digest128 } from '../keys/digest.ts';
import { KeySpace, listKey } from '../keys/key-space.ts';
import { checkInvalidation } from '../keys/selection.ts';
import { Kinds } from '../options/kinds.ts';
import { Terms } from '../options/terms.ts';
import { UnitOfWork } from './unit-of-work.ts';

/** What names a record. Records of a repository have ids of one type: 1 and `'1'` are one key. */
export type RecordId = string | number | bigint;

/** Where the records are: each function asks the database. */
export interface RecordSource<T, Id extends RecordId, Parameters extends object, Draft, Patch> {
  findById(id: Id): Eventually<T | null | undefined>;
  findMany(parameters: Parameters): Eventually<readonly T[]>;
  create(draft: Draft): Eventually<T>;
  /** What the record is now; null: there is none. */
  update(id: Id, patch: Patch): Eventually<T | null | undefined>;
  /** Whether it was there. */
  remove(id: Id): Eventually<boolean>;
  idOf(record: T): Id;
}

export interface RepositoryOptions<T, Id extends RecordId, Parameters extends object, Draft, Patch>
  extends RecordSource<T, Id, Parameters, Draft, Patch> {
  readonly cache: Cache;
  /** What keys and tags begin with: `user:42`, `user:list`. */
  readonly entity: string;
  /** Of single records. `nullTtl` is for those that are not there. */
  readonly item?: DefaultOptions & { readonly kind?: string };
  readonly list?: DefaultOptions & { readonly kind?: string };
  /** What each write invalidates besides, e.g. entries made of these records elsewhere. */
  readonly alsoInvalidates?: Invalidation;
}

/** A list's records that have a tag each; a longer list has that of all lists alone. */
const MAX_RECORD_TAGS = 100;

/** Reads through the cache; writes go to the source, and resolve once what they outdate is invalidated. */
export class CachedRepository<
  T,
  Id extends RecordId = string,
  Parameters extends object = Readonly<Record<string, unknown>>,
  Draft = T,
  Patch = Partial<T>,
> {
  readonly #options: RepositoryOptions<T, Id, Parameters, Draft, Patch>;
  readonly #unit: UnitOfWork | undefined;

  /** `unit`: the transaction it is part of; see `within`. Throws E_KEY, E_CONFIG, E_TTL, E_TAG, E_SELECTOR. */
  constructor(options: RepositoryOptions<T, Id, Parameters, Draft, Patch>, unit?: UnitOfWork) {
    if (unit === undefined) checkRepository(options);
    this.#options = options;
    this.#unit = unit;
  }

  /** The same repository in a transaction: reads go to the source, and writes are invalidated when the unit ends. */
  within(unit: UnitOfWork): CachedRepository<T, Id, Parameters, Draft, Patch> {
    return new CachedRepository(this.#options, unit);
  }

  /** The record; null: there is none. */
  async findById(id: Id): Promise<T | null> {
    const { cache, item } = this.#options;
    const key = this.itemKey(id);
    if (this.#unit !== undefined) return (await this.#options.findById(id)) ?? null;
    const fill = async (context: FillContext<T | null>): Promise<T | null> => {
      const record = (await this.#options.findById(id)) ?? null;
      if (record === null) context.addTags([this.#missing]);
      return record;
    };
    return cache.getOrSet<T | null>(key, fill, { ...item, tags: [...(item?.tags ?? []), key] });
  }

  /** A list; it is the cache's own, and frozen. */
  async findMany(parameters: Parameters): Promise<readonly T[]> {
    const { cache, list } = this.#options;
    if (this.#unit !== undefined) return this.#options.findMany(parameters);
    const tags = [...(list?.tags ?? []), this.#lists];
    const fill = async (context: FillContext<readonly T[]>): Promise<readonly T[]> => {
      const records = await this.#options.findMany(parameters);
      const tagged = records.length > MAX_RECORD_TAGS ? [] : records;
      context.addTags([...new Set(tagged.map((record) => this.itemKey(this.#options.idOf(record))))]);
      return records;
    };
    return cache.getOrSet<readonly T[]>(this.listKey(parameters), fill, { ...list, tags });
  }

  async create(draft: Draft): Promise<T> {
    const made = (record: T) => ({ tags: [this.itemKey(this.#options.idOf(record))] });
    return this.#write(() => this.#options.create(draft), { tags: [this.#lists, this.#missing] }, made);
  }

  /** The record as it is now; null: there is none. */
  async update(id: Id, patch: Patch): Promise<T | null> {
    const outdated = this.#outdatedBy(id);
    const moved = (record: T | null | undefined): Invalidation => {
      const now: unknown = record == null ? id : this.#options.idOf(record);
      if (!isId(now) || this.itemKey(now as Id) === this.itemKey(id)) return outdated;
      // It has another id from now on, under which nothing was before.
      return { tags: [this.itemKey(now as Id), this.#missing] };
    };
    return (await this.#write(() => this.#options.update(id, patch), outdated, moved)) ?? null;
  }

  /** Whether it was there. */
  async delete(id: Id): Promise<boolean> {
    return this.#write(() => this.#options.remove(id), this.#outdatedBy(id));
  }

  /** For a record that was changed elsewhere: once it resolves, nothing read before is served. */
  async changed(id: Id): Promise<void> {
    const unit = new UnitOfWork(this.#options.cache);
    this.#note(unit, this.#outdatedBy(id));
    await unit.ended();
  }

  /** Key and tag of a record. Throws E_KEY. */
  itemKey(id: Id): string {
    return `${this.#options.entity}:${idText(id)}`;
  }

  listKey(parameters: Parameters): string {
    return listKey(this.#options.entity, parameters as Readonly<Record<string, unknown>>);
  }

  get #lists(): string {
    return `${this.#options.entity}:list`;
  }

  /** Tag of all records that are not there: a new one may be any of them. */
  get #missing(): string {
    return `${this.#options.entity}:missing`;
  }

  #outdatedBy(id: Id): Invalidation {
    return { tags: [this.itemKey(id), this.#lists] };
  }

  /**
   * `outdated`: also when the write fails, for nobody knows then what it wrote. `outdatedByResult`: besides, what is known
   * by its result.
   */
  async #write<R>(
    write: () => Eventually<R>,
    outdated: Invalidation,
    outdatedByResult: (result: R) => Invalidation = () => outdated,
  ): Promise<R> {
    const unit = this.#unit ?? new UnitOfWork(this.#options.cache);
    // Before anything else, so that it is invalidated whatever the source then gives.
    this.#note(unit, outdated);
    const run = async (): Promise<R> => {
      const result = await write();
      if (result != null) {
        const found = outdatedByResult(result);
        if (found !== outdated) unit.note(found, this.#options.cache);
      }
      return result;
    };
    return this.#unit === undefined ? unit.commit(run) : run();
  }

  #note(unit: UnitOfWork, what: Invalidation): void {
    const { cache, alsoInvalidates } = this.#options;
    unit.note(what, cache);
    if (alsoInvalidates !== undefined) unit.note(alsoInvalidates, cache);
  }
}

export function createRepository<T, Id extends RecordId, Parameters extends object, Draft, Patch>(
  options: RepositoryOptions<T, Id, Parameters, Draft, Patch>,
): CachedRepository<T, Id, Parameters, Draft, Patch> {
  return new CachedRepository(options);
}

const FUNCTION = kit.required(kit.func);

const OPTIONS: Readonly<Record<string, kit.Check>> = {
  entity: kit.anything,
  cache: kit.required(kit.be('one that createCache made', (cache) => kit.has(cache, 'getOrSet', 'invalidate'))),
  ...{ findById: FUNCTION, findMany: FUNCTION, create: FUNCTION, update: FUNCTION, remove: FUNCTION, idOf: FUNCTION },
  ...{ item: checkEntries, list: checkEntries },
  alsoInvalidates: (what) => checkInvalidation(what as Invalidation),
};

/** A longer id is replaced by its digest: entity and id together must fit into a tag. */
const MAX_ID_LENGTH = 128;

/** A wrong option found out after a write is found out too late. Throws E_KEY, E_CONFIG, E_TTL, E_TAG, E_SELECTOR. */
function checkRepository(options: object): void {
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

function isId(id: unknown): boolean {
  return typeof id === 'string' || typeof id === 'bigint' || (typeof id === 'number' && !Number.isNaN(id));
}

/** An id as part of a key: unlike that of any other, and no list's. Throws E_KEY. */
function idText(id: unknown): string {
  if (!isId(id)) {
    const got = typeof id === 'number' ? 'NaN' : shown(id);
    throw new TidegateError('E_KEY', `expected an id to be a text or a number, got ${got}`);
  }
  const text = String(id);
  // A colon in an id could make the key of a list. A percent sign is written as %25, so no id is taken for a digest.
  const escaped = text.replace(/[%:]/g, (mark) => (mark === '%' ? '%25' : '%3a'));
  return escaped.length > MAX_ID_LENGTH ? `%d${digest128(text)}` : escaped;
}
