// The feed of a database of PostgreSQL, for the commands `tidegate feed`: by logical replication, or by triggers.

import type { TableShape } from '../../../dependency/change.ts';
import {
  installPostgresFeed,
  planPostgresFeed,
  planPostgresRemoval,
  removePostgresFeed,
} from '../../../feed/postgres/logical/install.ts';
import { type PostgresFeedReport, postgresFeedStatus } from '../../../feed/postgres/logical/status.ts';
import { nodePostgres, type PostgresSession } from '../../../feed/postgres/session.ts';
import type { PostgresTableStatus } from '../../../feed/postgres/tables.ts';
import {
  installPostgresTriggers,
  planPostgresTriggers,
  planTriggerRemoval,
  postgresTriggerStatus,
  removePostgresTriggers,
} from '../../../feed/postgres/trigger/install.ts';
import type { Catalogue } from '../../../sql/ast.ts';
import { readPostgresCatalogue } from '../../../sql/postgres/catalogue.ts';
import {
  explaining,
  type FeedBackend,
  type FeedRemoval,
  type FeedReport,
  type FeedTable,
  SLOT_FACTS,
  type SlotReport,
  uncomparable,
  unexpected,
} from './feed-report.ts';
import type { PostgresSource } from './feed-source.ts';

/** Rejects with E_FEED. */
export async function openPostgresBackend(source: PostgresSource): Promise<FeedBackend> {
  const { connection, mode, tables, shown: where } = source;
  const session = await nodePostgres(connection)('queries').catch((cause) =>
    unexpected(cause, `a connection to ${where}`),
  );
  const close = () => session.close();
  if (mode === 'replication') {
    return explaining(where, {
      status: () => slotReport(source, session),
      plan: () => planPostgresFeed(session, source),
      install: () => installPostgresFeed(session, source),
      remove: () => removePostgresFeed(session, source),
      planRemoval: () => planPostgresRemoval(session, source),
      close,
    });
  }
  const options = { tables, notifies: true };
  return explaining(where, {
    status: () => triggerReport(source, session),
    plan: () => planPostgresTriggers(session, options),
    install: () => installPostgresTriggers(session, options),
    remove: () => triggerRemoval(session),
    planRemoval: () => planTriggerRemoval(session),
    close,
  });
}

async function triggerRemoval(session: PostgresSession): Promise<FeedRemoval> {
  const { tables, hadLog } = await removePostgresTriggers(session);
  return {
    removed: [
      ...(tables.length === 0 ? [] : [`triggers of ${tables.map(shown).join(', ')}`]),
      ...(hadLog ? ['the change log tidegate.changes, with the schema tidegate'] : []),
    ],
    kept: [],
  };
}

type Named = { readonly schema: string; readonly name: string };

type Wanted = Named & { readonly root?: Named | null };

/** A partitioned table stands for its partitions. */
function wantedBy({ tables }: PostgresSource): (table: Wanted) => boolean {
  if (tables === 'all') return () => true;
  return (table) => tables.some((wanted) => isOne(table, wanted));
}

function isOne({ root, ...table }: Wanted, wanted: Named): boolean {
  const names = root ? [table, root] : [table];
  return names.some(({ schema, name }) => schema === wanted.schema && name === wanted.name);
}

async function slotReport(source: PostgresSource, session: PostgresSession): Promise<FeedReport> {
  const wanted = wantedBy(source);
  const status = await postgresFeedStatus(session, source, wanted);
  const catalogue = await catalogueOf(session);
  const told = status.tables.filter((table) => table.isPublished || wanted(table));
  const report = reportOf(source, status, told);
  const unlogged = told.filter(({ isLogged }) => !isLogged).map(shown);
  const why = 'an unlogged table, whose changes are in no log';
  const facts = Object.fromEntries(SLOT_FACTS.map((fact) => [fact, status[fact] ?? null]));
  return {
    ...report,
    by: 'logical replication',
    tables: told.filter(({ isLogged }) => isLogged).map((table) => slotTable(table, catalogue)),
    leftOut: [...unlogged.map((name) => ({ name, why })), ...report.leftOut],
    slot: { name: source.slot, publication: source.publication, state: status.slot, ...facts } as SlotReport,
    warnings: status.warnings,
  };
}

/** What both kinds of feed report. `told`: the tables whose changes are, or should be, told. */
function reportOf(
  source: PostgresSource,
  status: Pick<PostgresFeedReport, 'untold' | 'problems'> & { readonly tables: readonly Wanted[] },
  told: readonly Wanted[],
) {
  const asked = source.tables === 'all' ? [] : source.tables;
  const gone = asked.filter((wanted) => !status.tables.some((table) => isOne(table, wanted)));
  const problems = [...status.problems, ...gone.map((table) => `expected a table ${shown(table)}, got none`)];
  const others = status.tables.filter((table) => !told.includes(table));
  return {
    source: source.name,
    database: source.shown,
    isHealthy: problems.length === 0,
    leftOut: [
      ...others.map((table) => ({ name: shown(table), why: 'not among the tables asked for' })),
      ...status.untold.map((one) => ({ name: shown(one), why: `${one.what}, of whose changes no feed tells` })),
    ],
    problems,
  };
}

function slotTable(table: PostgresTableStatus, catalogue: Catalogue): FeedTable {
  const { isPublished, identity, hasKey } = table;
  const isWhole = isPublished && identity === 'full';
  const isKeyed = isPublished && (identity === 'index' || (identity === 'default' && hasKey));
  const notes = isPublished ? [] : ['not in the publication: install the feed'];
  if (isPublished && !isWhole && !isKeyed) notes.push('no replica identity: updates and deletes are refused');
  return {
    name: shown(table),
    isTold: isPublished,
    oldRow: isWhole ? 'whole' : isKeyed ? 'key' : 'none',
    notes: [...notes, ...notesOf(table, catalogue)],
  };
}

async function triggerReport(source: PostgresSource, session: PostgresSession): Promise<FeedReport> {
  const wanted = wantedBy(source);
  const status = await postgresTriggerStatus(session, wanted);
  const catalogue = await catalogueOf(session);
  const told = status.tables.filter((table) => table.hasTriggers || wanted(table));
  return {
    ...reportOf(source, status, told),
    by: 'PostgreSQL triggers',
    tables: told.map((table) => {
      const isTold = status.isInstalled && table.hasTriggers;
      const notes = table.hasTriggers ? [] : ['no triggers: install the feed'];
      const oldRow = isTold ? 'whole' : 'none';
      return { name: shown(table), isTold, oldRow, notes: [...notes, ...notesOf(table, catalogue)] };
    }),
    log: { isThere: status.isInstalled, rows: null, bytes: status.logBytes, last: status.last ?? null },
    warnings: [],
  };
}

/** Tables of the schema `public` go by their name alone. */
function shown({ schema, name }: Named): string {
  return schema === 'public' ? name : `${schema}.${name}`;
}

function catalogueOf(session: PostgresSession): Promise<Catalogue> {
  return readPostgresCatalogue((sql, parameters) => session.query(sql, parameters));
}

function notesOf({ schema, name, hasKey }: Named & { readonly hasKey: boolean }, catalogue: Catalogue): string[] {
  const relation = catalogue.relation(schema, name);
  const notes = hasKey ? [] : ['no primary key'];
  if (relation?.kind === 'unseen') notes.push(`what reads it is not stored: ${relation.what}`);
  if (relation?.kind !== 'table') return notes;
  const isOpaque = ({ type }: TableShape['columns'][number]) => type.family === 'postgres' && type.type === 'opaque';
  return [...notes, ...uncomparable('values', relation.table.columns.filter(isOpaque))];
}
