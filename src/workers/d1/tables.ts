// What an isolate knows of the tables of one database. A request that reads asks the database whether they are still these,
// beside its first statement: its answer is then judged by tables at least as new as the stamp of its fill.

import type { TableShape } from '../../dependency/change.ts';
import { TidegateError } from '../../errors.ts';
import { createD1Feed, type D1FeedState, DEFINITIONS } from '../../feed/sqlite/d1.ts';
import { d1Runner } from '../../feed/sqlite/runner.ts';
import { Templates } from '../../sql/analyse.ts';
import type { Catalogue } from '../../sql/ast.ts';
import { readSqliteCatalogue } from '../../sql/sqlite/catalogue.ts';
import { createSqliteFacts } from '../../sql/sqlite/facts.ts';
import { createSqliteParser } from '../../sql/sqlite/parser.ts';
import type { TextFacts } from '../../sql/text-facts.ts';
import type { D1Queries } from './binding.ts';

const MAX_TEXTS = 2_000;

interface Tables {
  readonly definitions: string;
  readonly templates: Templates;
  /** Why the changes of tables are not told, by table. */
  readonly problems: ReadonlyMap<string, string>;
}

export class D1Tables {
  readonly #read = createSqliteFacts();
  readonly #facts = new Map<string, TextFacts>();
  #tables: Tables | undefined;
  /** Of the feed, which finds out by itself that there are other tables than it knows. */
  feed: D1FeedState = {};

  factsOf(sql: string): TextFacts {
    let facts = this.#facts.get(sql);
    if (facts === undefined) {
      facts = this.#read(sql);
      if (this.#facts.size >= MAX_TEXTS) this.#facts.clear();
      this.#facts.set(sql, facts);
    }
    return facts;
  }

  forget(): void {
    this.#tables = undefined;
    this.feed = {};
  }

  /** As they are now. Each request asks for itself: the promise of another may never settle. Rejects with E_FEED. */
  async current(database: D1Queries): Promise<Tables> {
    const definitions = await definitionsIn(database);
    if (this.#tables?.definitions !== definitions) this.#tables = await this.#readTables(database, definitions);
    return this.#tables;
  }

  async #readTables(database: D1Queries, definitions: string): Promise<Tables> {
    this.forget();
    const reading = catalogueOf(database);
    const feed: D1FeedState = {};
    // At once: each question is a round trip.
    const problems = createD1Feed(database, async () => shapesIn(await reading), feed).problems();
    const [catalogue, told] = await Promise.all([reading, problems]);
    if (feed.known?.definitions !== definitions) {
      throw new TidegateError('E_FEED', 'expected the same tables throughout their reading, got others');
    }
    this.feed = feed;
    const templates = new Templates({ dialect: 'sqlite', parser: createSqliteParser(), catalogue });
    return { definitions, templates, problems: told };
  }
}

async function definitionsIn(database: D1Queries): Promise<string> {
  const [row] = await d1Runner(database).all(`SELECT ${DEFINITIONS} AS definitions`);
  return String(row?.definitions);
}

function catalogueOf(database: D1Queries): Promise<Catalogue> {
  const runner = d1Runner(database);
  return readSqliteCatalogue(async (sql, parameters) => await runner.all(sql, parameters as readonly string[]), 'd1');
}

function shapesIn({ data }: Catalogue): readonly TableShape[] {
  return (data?.relations ?? []).flatMap(({ relation }) => (relation.kind === 'table' ? relation.table : []));
}

/** Reads the tables of the database for a feed. */
export async function d1Shapes(database: D1Queries): Promise<readonly TableShape[]> {
  return shapesIn(await catalogueOf(database));
}
