// Finds every obstacle to a complete feed by logical replication, and says of each what was expected.
//
// Some obstacles stop the feed; others make it miss changes in silence. The silent ones are why each table is checked.

import { createRight, lackOf } from './postgres-install-rights.ts';
import { SCHEMA_LATE } from './postgres-schema-trigger.ts';

export interface PostgresNames {
  readonly slot: string;
  readonly publication: string;
}

export interface PostgresTableStatus {
  readonly schema: string;
  readonly name: string;
  readonly isPublished: boolean;
  /** As in pg_class.relreplident. */
  readonly identity: 'default' | 'nothing' | 'full' | 'index';
  readonly hasKey: boolean;
  readonly isLogged: boolean;
  /** The root of a partition: its partitioned table. */
  readonly root?: { readonly schema: string; readonly name: string };
}

/** A relation of which no feed tells. Temporary tables are no concern: only their own session sees them. */
export interface UntoldRelation {
  readonly schema: string;
  readonly name: string;
  /** E.g. `a foreign table`. */
  readonly what: string;
}

export interface PostgresFeedReport {
  readonly database: string;
  readonly slot: 'missing' | 'idle' | 'active' | 'lost';
  /** Process of the server that reads from the slot. */
  readonly process: number | undefined;
  /** All changes up to here were acknowledged. */
  readonly position: string | undefined;
  /** From `position` to the end of the log. */
  readonly lagBytes: number | undefined;
  /** As in pg_replication_slots.wal_status. */
  readonly walStatus: string | undefined;
  /** Bytes that may still be written before the slot may lose its log. Undefined when there is no bound. */
  readonly safeBytes: number | undefined;
  /** Bytes of the log that the slot keeps. Undefined without a slot. */
  readonly retainedBytes: number | undefined;
  /** max_slot_wal_keep_size. Undefined when there is no bound, so the log may fill the disk. */
  readonly maxRetainedBytes: number | undefined;
  readonly walLevel: string;
  readonly tables: readonly PostgresTableStatus[];
  /** Relations of which no feed tells. */
  readonly untold: readonly UntoldRelation[];
  /** One sentence each; empty when nothing is amiss. */
  readonly problems: readonly string[];
  /** Risks for later that do not make the feed miss anything now. */
  readonly warnings: readonly string[];
}

/** The facts that `problemsOf` judges. */
export interface PostgresFacts extends Omit<PostgresFeedReport, 'problems' | 'warnings'> {
  readonly names: PostgresNames;
  /** Whether the feed should tell of the table. */
  readonly wanted: (table: PostgresTableStatus) => boolean;
  readonly isInRecovery: boolean;
  readonly role: string;
  readonly mayReplicate: boolean;
  readonly mayCreate: boolean;
  readonly encoding: string;
  /** Whether a change of the schema is told with the commit that makes it. */
  readonly tellsSchema: boolean;
  readonly slotDatabase: string | undefined;
  readonly publication:
    | undefined
    | { readonly isComplete: boolean; readonly viaRoot: boolean; readonly restricted: readonly string[] };
}

export function problemsOf(facts: PostgresFacts): readonly string[] {
  return [...serverProblems(facts), ...slotProblems(facts), ...publicationProblems(facts), ...tableProblems(facts)];
}

function serverProblems(facts: PostgresFacts): string[] {
  const problems: string[] = [];
  if (facts.walLevel !== 'logical') problems.push(`expected wal_level logical, got ${facts.walLevel}`);
  if (facts.isInRecovery) problems.push('expected the primary server, got a standby');
  if (!facts.mayReplicate) problems.push(lackOf('REPLICATION', facts.role));
  if (facts.encoding === 'SQL_ASCII') problems.push('expected an encoding of the database, got SQL_ASCII');
  return problems;
}

const UNBOUNDED = 'expected a bound max_slot_wal_keep_size, got none: a feed that is away lets the log fill the disk';

export function warningsOf({ slot, maxRetainedBytes, tellsSchema }: PostgresFacts): readonly string[] {
  if (slot === 'missing') return [];
  return [...(maxRetainedBytes === undefined ? [UNBOUNDED] : []), ...(tellsSchema ? [] : [SCHEMA_LATE])];
}

function slotProblems({ names, slot, walStatus, slotDatabase, database }: PostgresFacts): string[] {
  if (slot === 'missing') return [`expected a replication slot ${names.slot}, got none`];
  const problems: string[] = [];
  if (slotDatabase !== database) {
    problems.push(`expected slot ${names.slot} for ${database}, got it for ${slotDatabase ?? 'none, a physical one'}`);
  }
  if (slot === 'lost') problems.push(`expected slot ${names.slot} to hold the log, got a lost one`);
  if (walStatus === 'unreserved') {
    problems.push(`expected slot ${names.slot} within max_slot_wal_keep_size, got one about to be lost`);
  }
  return problems;
}

function publicationProblems({ names, publication, mayCreate, role, database }: PostgresFacts): string[] {
  if (publication === undefined) {
    const missing = `expected a publication ${names.publication}, got none`;
    return mayCreate ? [missing] : [missing, lackOf(createRight(database), role)];
  }
  const problems: string[] = [];
  if (!publication.isComplete) {
    problems.push(`expected ${names.publication} to publish insert, update, delete and truncate, got fewer`);
  }
  if (publication.viaRoot) {
    problems.push(`expected ${names.publication} to name partitions, got publish_via_partition_root`);
  }
  for (const table of publication.restricted) {
    problems.push(`expected all rows and columns of ${table} in ${names.publication}, got a filter`);
  }
  return problems;
}

function tableProblems({ names, tables, publication, wanted }: PostgresFacts): string[] {
  if (publication === undefined) return [];
  const problems: string[] = [];
  for (const table of tables) {
    if (!table.isLogged || !wanted(table)) continue;
    const { isPublished, identity, hasKey } = table;
    const name = `${table.schema}.${table.name}`;
    if (!isPublished) problems.push(`expected ${name} in publication ${names.publication}, got it left out`);
    else if (identity === 'nothing' || (identity === 'default' && !hasKey)) {
      problems.push(`expected a replica identity of ${name}, got none: its updates and deletes are refused`);
    }
  }
  return problems;
}
