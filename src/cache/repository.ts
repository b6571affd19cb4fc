// A repository over the cache: records by id and lists by parameters, read through the cache and invalidated by writes.
//
// The one complication: which writes outdate which lists. A record that changes may enter or leave any list, so each write
// invalidates all lists of the entity; lists have the tags of their records as well, for those who change a record
// elsewhere and know its id.

import { TidegateError } from '../errors.ts';
import type { Eventually } from '../ports.ts';
import type { Cache, FillContext, FillOptions, Invalidation } from './contract.ts';
import { listKey, shown } from './keys.ts';
import { type UnitOfWork, writeThen } from './unit-of-work.ts';

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
  readonly item?: FillOptions;
  readonly list?: FillOptions;
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

  /** `unit`: the transaction it is part of; see `within`. */
  constructor(options: RepositoryOptions<T, Id, Parameters, Draft, Patch>, unit?: UnitOfWork) {
    const { entity } = options;
    if (typeof entity !== 'string' || !/^[^:\s*?\\]{1,64}$/.test(entity)) {
      const expected = 'expected entity to be a word of at most 64 characters without : * ? and backslash';
      throw new TidegateError('E_KEY', `${expected}, got ${shown(entity)}`);
    }
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
    if (this.#unit !== undefined) return (await this.#options.findById(id)) ?? null;
    const fill = async (context: FillContext<T | null>): Promise<T | null> => {
      const record = (await this.#options.findById(id)) ?? null;
      const own = [...(item?.tags ?? []), this.itemKey(id)];
      context.setTags(record === null ? [...own, this.#missing] : own);
      return record;
    };
    return cache.getOrSet<T | null>(this.itemKey(id), fill, {
      ...item,
      tags: [...(item?.tags ?? []), this.itemKey(id)],
    });
  }

  /** A list; it is the cache's own, and frozen. */
  async findMany(parameters: Parameters): Promise<readonly T[]> {
    const { cache, list } = this.#options;
    if (this.#unit !== undefined) return this.#options.findMany(parameters);
    const tags = [...(list?.tags ?? []), this.#lists];
    const fill = async (context: FillContext<readonly T[]>): Promise<readonly T[]> => {
      const records = await this.#options.findMany(parameters);
      const own =
        records.length > MAX_RECORD_TAGS ? [] : records.map((record) => this.itemKey(this.#options.idOf(record)));
      context.setTags([...new Set([...tags, ...own])]);
      return records;
    };
    return cache.getOrSet<readonly T[]>(this.listKey(parameters), fill, { ...list, tags });
  }

  async create(draft: Draft): Promise<T> {
    const unknown = { tags: [this.#lists, this.#missing] };
    return this.#write(
      () => this.#options.create(draft),
      unknown,
      (record) => ({ tags: [this.itemKey(this.#options.idOf(record)), ...unknown.tags] }),
    );
  }

  /** The record as it is now; null: there is none. */
  async update(id: Id, patch: Patch): Promise<T | null> {
    return (await this.#write(() => this.#options.update(id, patch), this.#outdatedBy(id))) ?? null;
  }

  /** Whether it was there. */
  async delete(id: Id): Promise<boolean> {
    return this.#write(() => this.#options.remove(id), this.#outdatedBy(id));
  }

  /** For a record that was changed elsewhere: once it resolves, nothing read before is served. */
  async changed(id: Id): Promise<void> {
    await this.#invalidate(this.#outdatedBy(id));
  }

  /** Key and tag of a record. */
  itemKey(id: Id): string {
    // A colon in an id could make the key of a list.
    return `${this.#options.entity}:${String(id).replace(/[%:]/g, (mark) => (mark === '%' ? '%25' : '%3a'))}`;
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

  /** `outdated`: also when the write fails, for nobody knows then what it wrote. */
  async #write<R>(
    write: () => Eventually<R>,
    outdated: Invalidation,
    outdatedByResult: (result: R) => Invalidation = () => outdated,
  ): Promise<R> {
    if (this.#unit === undefined) {
      return writeThen(write, (result) => this.#invalidate(result == null ? outdated : outdatedByResult(result)));
    }
    this.#note(outdated);
    const result = await write();
    if (result != null) this.#note(outdatedByResult(result));
    return result;
  }

  #note(what: Invalidation): void {
    this.#unit?.note(what);
    if (this.#options.alsoInvalidates !== undefined) this.#unit?.note(this.#options.alsoInvalidates);
  }

  async #invalidate(what: Invalidation): Promise<void> {
    const { cache, alsoInvalidates } = this.#options;
    const works = alsoInvalidates === undefined ? [what] : [what, alsoInvalidates];
    await Promise.all(works.map((work) => cache.invalidate(work)));
  }
}

export function createRepository<T, Id extends RecordId, Parameters extends object, Draft, Patch>(
  options: RepositoryOptions<T, Id, Parameters, Draft, Patch>,
): CachedRepository<T, Id, Parameters, Draft, Patch> {
  return new CachedRepository(options);
}
