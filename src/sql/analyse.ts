// Turns SQL text into a template: what a statement reads, before its parameters are known.
//
// Nothing here may end in an answer that is too narrow. Any error, one of this code included, makes the template wider:
// tables as a whole. That is enough only where everything that the statement calls is known; otherwise the answer is
// not kept at all.

import type { Dialect, Meaning, TableRead, Template } from '../dependency/template.ts';
import { messageOf } from '../errors.ts';
import { type Analysis, addNote, Stop, unread } from './analysis.ts';
import type { Catalogue, Name, Parser, Select, Session, Statement } from './ast.ts';
import { checkPurity } from './calls/purity.ts';
import { walkSelect } from './calls/walk.ts';
import { within } from './catalogue.ts';
import { RULES } from './dialect.ts';
import { Equalities } from './narrow/closure.ts';
import { narrowByLookups } from './narrow/lookups.ts';
import { narrowPlan, narrowRegion, type Surroundings, show, use } from './narrow/narrowing.ts';
import { MovingTexts } from './postgres/moving-texts.ts';
import { readTables } from './resolve/names.ts';
import { addsOnly, finished, readsOf, shownColumns, type Top } from './resolve/outputs.ts';
import { regionOf } from './resolve/regions.ts';
import { restOf } from './resolve/resolved.ts';
import { resolveSelect } from './resolve/selects.ts';

export interface StatementParts {
  readonly dialect: Dialect;
  readonly parser: Parser;
  readonly catalogue: Catalogue;
  /** Functions of the application that depend on their arguments alone; in lower case. */
  readonly pureFunctions?: ReadonlySet<string> | undefined;
}

const DEFAULT_MAX_TEMPLATES = 2_000;

/**
 * Templates by text: each is analysed once, as long as the catalogue is the same. Their number is bounded, because anyone
 * may make texts up. The least recently used goes; it costs another parse and nothing else.
 */
export class Templates {
  readonly #byText = new Map<string, Template>();
  readonly #maxTemplates: number;
  #parts: StatementParts;

  constructor(
    parts: StatementParts,
    { maxTemplates = DEFAULT_MAX_TEMPLATES }: { readonly maxTemplates?: number | undefined } = {},
  ) {
    this.#parts = parts;
    this.#maxTemplates = maxTemplates;
  }

  get size(): number {
    return this.#byText.size;
  }

  /** `session`: of the connection that runs it; undefined: names mean what they mean to the catalogue's own reader. */
  get(text: string, session?: Session): Template {
    const key = session === undefined ? text : `${session.path.join('\0')}\0\0${text}`;
    const known = this.#byText.get(key);
    const template = known ?? analyse(text, this.#partsFor(session));
    // A Map keeps the order of insertion: the first is the one used longest ago.
    if (known !== undefined) this.#byText.delete(key);
    else if (this.#byText.size >= this.#maxTemplates) this.#byText.delete(this.#byText.keys().next().value as string);
    this.#byText.set(key, template);
    return template;
  }

  #partsFor(session: Session | undefined): StatementParts {
    return session === undefined ? this.#parts : { ...this.#parts, catalogue: within(this.#parts.catalogue, session) };
  }

  /** The schema has changed: nothing that was analysed before holds. */
  replaceCatalogue(catalogue: Catalogue): void {
    this.#parts = { ...this.#parts, catalogue };
    this.#byText.clear();
  }
}

type Tracked = Extract<Meaning, { kind: 'tracked' }>;

export function analyse(text: string, parts: StatementParts): Template {
  const { source, session } = parts.catalogue;
  // Over another search path one text reads other tables.
  const path = session === undefined ? [] : [JSON.stringify(session.path)];
  const isPlain = !/['"`[]|--|\/\*|\$\w*\$/.test(text);
  const written = isPlain ? text.trim().replace(/\s+/g, ' ') : text.trim();
  const id = templateId(source, parts.dialect, ...path, written);
  return { ...knownOf(text, parts), id, text, ...session } as Template;
}

function knownOf(text: string, parts: StatementParts): Meaning {
  try {
    const statements = parts.parser.parse(text);
    return writeOf(text, statements, parts) ?? queryOf(statements, parts);
  } catch (error) {
    const stop = error instanceof Stop ? error : unread(`an error of its analysis: ${messageOf(error)}`);
    return { kind: 'uncacheable', reason: stop.message, unknown: stop.unknown };
  }
}

/** Returns undefined when nothing in it writes. */
function writeOf(text: string, statements: readonly Statement[], { catalogue }: StatementParts): Meaning | undefined {
  const written = statements.flatMap((statement) => writtenBy(statement, text));
  if (written.length === 0) return undefined;
  const names = new Set<string>();
  for (const name of written) {
    const relation = name && catalogue.relation(name.schema, name.name);
    // A view is written to by rules or triggers of its own.
    if (!relation || relation.kind === 'view') return { kind: 'write', tables: undefined };
    names.add(relation.kind === 'table' ? relation.table.name : name.name);
  }
  return { kind: 'write', tables: [...names] };
}

/** The tables that it writes; one that is undefined may be any. */
function writtenBy(statement: Statement, text: string): readonly (Name | undefined)[] {
  switch (statement.kind) {
    case 'query': {
      const written: (Name | undefined)[] = [];
      walkSelect(statement.select, {
        common: ({ statement: own }) => void (own.kind !== 'query' && written.push(...writtenBy(own, ''))),
      });
      return written;
    }
    case 'other':
      return statement.writes ? [undefined] : [];
    case 'unparsed': {
      // It may write as well, unless it begins like a query and has no word of a write in it.
      const isQuery = /^[\s(;]*(?:select|with|values|table)\b/i.test(text);
      return isQuery && !/\b(?:insert|update|delete|merge|replace|into|call|do)\b/i.test(text) ? [] : [undefined];
    }
    default:
      return statement.tables;
  }
}

/** The reads of a query that no text stands for; undefined where its answer depends on more, or on what is not known. */
export function readsOfQuery(select: Select, parts: StatementParts): readonly TableRead[] | undefined {
  try {
    const known = queryOf([{ kind: 'query', select, locks: false }], parts);
    return known.kind === 'tracked' ? known.reads : undefined;
  } catch {
    return undefined;
  }
}

/** The result for a text that does not write. */
function queryOf(statements: readonly Statement[], parts: StatementParts): Meaning {
  const [statement, ...others] = statements;
  if (statement === undefined) throw new Stop('uncacheable', 'no statement');
  if (others.length > 0) throw new Stop('uncacheable', 'several statements');
  if (statement.kind === 'unparsed') throw unread(`a statement that cannot be read: ${statement.reason}`);
  if (statement.kind !== 'query')
    throw new Stop('uncacheable', statement.kind === 'other' ? statement.name : statement.kind);
  if (statement.locks) throw new Stop('uncacheable', 'it locks rows');
  const { select } = statement;
  const analysis = analysisOf(select, parts);
  checkPurity(select, analysis);
  try {
    return withTimes(trackedOf(select, analysis), analysis);
  } catch (error) {
    if (error instanceof Stop && error.kind === 'uncacheable') throw error;
    const coarser = analysisOf(select, parts);
    readTables(select, NOWHERE, coarser);
    addNote(coarser, 'too-complex', messageOf(error));
    return withTimes(tracked([], coarser), coarser);
  }
}

function withTimes(known: Tracked, { moving }: Analysis): Tracked {
  const { parameters, reason } = moving.settle();
  if (reason !== undefined) throw new Stop('uncacheable', reason);
  return parameters.length > 0 ? { ...known, times: parameters } : known;
}

function analysisOf(select: Select, parts: StatementParts): Analysis {
  const { catalogue, parser, pureFunctions = new Set() } = parts;
  const dialect = RULES[parts.dialect];
  const moving = new MovingTexts(dialect);
  moving.gather(select);
  const analysis: Analysis = {
    dialect,
    catalogue,
    parser,
    pureFunctions,
    routines: catalogue.routines,
    reads: [],
    notes: [],
    select: (part, place) => resolveSelect(part, place, analysis),
    moving,
  };
  return analysis;
}

const NOWHERE = { scope: undefined, common: undefined, schema: undefined, within: [] } as const;

function tracked(output: readonly string[], { reads, notes }: Analysis): Tracked {
  return { kind: 'tracked', reads: reads.map((read) => finished(read, {})), output, fallbacks: notes };
}

function trackedOf(select: Select, analysis: Analysis): Tracked {
  const { plan, outputs, hasAllOutputs } = resolveSelect(select, NOWHERE, analysis);
  const shown = hasAllOutputs ? outputs.map(({ name }) => name) : [];
  // PostgreSQL may give a column that has no name here the name of another; then none is relied upon.
  const names = analysis.dialect.namesResults && shown.includes('') ? shown.map(() => '') : shown;
  if (plan.kind !== 'plain') {
    narrowPlan(plan, { inherited: new Equalities() }, analysis);
    return tracked(names, analysis);
  }
  const top: Top = { plan, region: regionOf(plan.nodes, plan.where) };
  const known = narrowTop(top, analysis);
  const lookups = narrowByLookups(top.region, known, analysis);
  const reads = readsOf(top, known, analysis);
  return { ...tracked(names, analysis), reads, ...(lookups.length > 0 && { lookups }) };
}

function narrowTop(top: Top, analysis: Analysis): Equalities {
  const { plan, region } = top;
  const shown = shownColumns(top);
  const nullable = addsOnly(top) && shown.size > 0 ? shown : undefined;
  // The rows that a LIMIT leaves out may be more than those that are not joined.
  const chained = plan.limit === undefined && plan.offset === undefined ? nullable : undefined;
  const known = narrowRegion(region, { inherited: new Equalities(), nullable, chained }, analysis);
  const plain: Surroundings = { inherited: known };
  for (const { expression, isReferenced } of plan.outputs) {
    // An expression that is only shown is computed for the shown rows alone.
    const isShown = plan.isRowByRow && !isReferenced && shown.size > 0;
    if (isShown) show(expression, { inherited: known, results: shown, nullable: shown, nested: shown }, analysis);
    else use(expression, plain, analysis);
  }
  for (const expression of restOf(plan)) use(expression, plain, analysis);
  return known;
}

const OFFSET = 0xcbf29ce484222325n;
const PRIME = 0x100000001b3n;

/** FNV-1a of 64 bits, in lower case letters and digits. */
function templateId(...parts: readonly string[]): string {
  let hash = OFFSET;
  for (const byte of new TextEncoder().encode(parts.join('\0')))
    hash = BigInt.asUintN(64, (hash ^ BigInt(byte)) * PRIME);
  return hash.toString(36);
}
