// A repository over the cache: records by id and lists by parameters, read through the cache and invalidated by writes.
//
// Which writes outdate which lists. A record that changes may enter or leave any list, so each write
// invalidates all lists of the entity; lists have the tags of their records as well, for those who change a record
// elsewhere and know its id.

import type { Eventually } from '../ports.ts';
import type { Cache, DefaultOptions, FillContext, Invalidation } from './contract.ts';
import { listKey } from './keys.ts';
import { checkRepository, idText, isId } from './repository-checks.ts';
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
      const own =
        records.length > MAX_RECORD_TAGS ? [] : records.map((record) => this.itemKey(this.#options.idOf(record)));
      context.addTags([...new Set(own)]);
      return records;
    };
    return cache.getOrSet<readonly T[]>(this.listKey(parameters), fill, { ...list, tags });
  }

  async create(draft: Draft): Promise<T> {
    const unknown = { tags: [this.#lists, this.#missing] };
    return this.#write(
      () => this.#options.create(draft),
      unknown,
      (record) => ({ tags: [this.itemKey(this.#options.idOf(record))] }),
    );
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
    await this.#invalidate(this.#outdatedBy(id));
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

  async #invalidate(what: Invalidation): Promise<void> {
    const unit = new UnitOfWork(this.#options.cache);
    this.#note(unit, what);
    await unit.ended();
  }
}

export function createRepository<T, Id extends RecordId, Parameters extends object, Draft, Patch>(
  options: RepositoryOptions<T, Id, Parameters, Draft, Patch>,
): CachedRepository<T, Id, Parameters, Draft, Patch> {
  return new CachedRepository(options);
}
