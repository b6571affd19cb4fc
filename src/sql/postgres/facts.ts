// The facts of a text of PostgreSQL. See text-facts.ts.
//
// The walk goes through every field of the tree, so that an unknown kind of node hides no name. The field that holds a
// name tells what the name stands for.

import { mayMove } from '../../dependency/condition/cells.ts';
import { isMoving } from '../calls/functions.ts';
import { isSystem } from '../catalogue.ts';
import { type Control, canonical, type FactsBuilder, type FactsReader, factsReader } from '../text-facts.ts';
import { calleeOf, isTree, nodeOf, type Tree, textOf, treeOf, treesIn } from './nodes.ts';
import { isHarmless, isHarmlessSetting, loadPostgresTrees } from './parser.ts';

/** Loads PostgreSQL's own parser; rejects where it cannot be loaded. */
export async function createPostgresFacts(): Promise<FactsReader> {
  return factsReader(await loadPostgresTrees(), (node, facts) => new TreeWalker(facts).statement(node));
}

const WALKED = new Set(
  `SelectStmt InsertStmt UpdateStmt DeleteStmt MergeStmt TruncateStmt RefreshMatViewStmt ExplainStmt
  DeclareCursorStmt`.split(/\s+/),
);

/** Statements about transactions. The others, e.g. PREPARE TRANSACTION, do not tell what they end. */
const CONTROLS: Readonly<Record<string, Control>> = {
  TRANS_STMT_BEGIN: 'begin',
  TRANS_STMT_START: 'begin',
  TRANS_STMT_COMMIT: 'commit',
  TRANS_STMT_ROLLBACK: 'rollback',
  TRANS_STMT_SAVEPOINT: 'other',
  TRANS_STMT_RELEASE: 'other',
  TRANS_STMT_ROLLBACK_TO: 'other',
};

/** What a field of the tree tells about the statement by being there. */
const TOLD: ReadonlyMap<string, Partial<FactsBuilder>> = new Map([
  ['DeleteStmt', { deletes: true }],
  ['UpdateStmt', { updates: true }],
  ['MergeStmt', { deletes: true, updates: true }],
  ['TruncateStmt', { deletes: true }],
  ['ExplainStmt', { isVolatile: true, locks: true }],
  ['DeclareCursorStmt', { isVolatile: true, locks: true }],
  ['SQLValueFunction', { isVolatile: true }],
  ['RangeTableSample', { isVolatile: true }],
  ['lockingClause', { locks: true }],
]);

/** Functions that take or give a lock of their own. */
const LOCKS = /^pg_\w*advisory/;
const ANY_SETTING = '*';

/** Members of the WITH lists that are seen. */
type Local = ReadonlySet<string>;

class TreeWalker {
  readonly #facts: FactsBuilder;
  /** Names of relations that are written, as they stand in the tree. */
  readonly #targets = new WeakSet<object>();

  constructor(facts: FactsBuilder) {
    this.#facts = facts;
  }

  statement(node: unknown): void {
    const { kind, fields } = nodeOf(node);
    if (!WALKED.has(kind)) {
      if (this.#controls(kind, fields)) return;
      this.#facts.giveUp();
    }
    this.#walk(node, new Set());
  }

  /** Whether it is about transactions or the session, and changes no rows. */
  #controls(kind: string, fields: Tree): boolean {
    const facts = this.#facts;
    if (kind === 'TransactionStmt') {
      const control = CONTROLS[textOf(fields.kind) ?? ''];
      if (control === undefined) return false;
      if (control !== 'other') Object.assign(facts, { control, chains: fields.chain === true });
    } else if (kind === 'VariableSetStmt') {
      if (fields.is_local !== true) this.#sets(textOf(fields.name));
    } else if (kind === 'DiscardStmt') {
      if (fields.target === 'DISCARD_ALL') facts.settings.add(ANY_SETTING);
      // The triggers that it may set off belong to the writes before it.
    } else if (!isHarmless(kind) && kind !== 'ConstraintsSetStmt') return false;
    facts.control ??= 'other';
    return true;
  }

  #sets(name = ANY_SETTING): void {
    if (!isHarmlessSetting(name)) this.#facts.settings.add(name.toLowerCase());
  }

  #walk(value: unknown, local: Local): void {
    if (Array.isArray(value)) for (const item of value) this.#walk(item, local);
    if (!isTree(value)) return;
    const inner = value.withClause === undefined ? local : this.#members(treeOf(value.withClause), local);
    if (typeof value.relname === 'string') this.#relation(value, inner);
    for (const [key, child] of Object.entries(value)) {
      this.#note(key, treeOf(child));
      // A locking clause names tables by their aliases.
      if (key !== 'lockingClause' && key !== 'withClause') this.#walk(child, inner);
    }
  }

  /** Each member sees those before it; in a recursive list all of them. */
  #members(list: Tree, outer: Local): Local {
    const members = treesIn(list.ctes, 'CommonTableExpr');
    const names = members.map(({ ctename }) => textOf(ctename) ?? '');
    let seen: Local = list.recursive === true ? new Set([...outer, ...names]) : outer;
    for (const [at, member] of members.entries()) {
      this.#walk(member, seen);
      seen = new Set([...seen, names[at] as string]);
    }
    return seen;
  }

  #relation(tree: Tree, local: Local): void {
    const facts = this.#facts;
    const relname = textOf(tree.relname) ?? '';
    const name = canonical(relname);
    facts.names.add(name);
    if (tree.relpersistence === 't' || /^pg_temp/.test(textOf(tree.schemaname) ?? '')) facts.temporary.add(name);
    if (this.#targets.has(tree)) facts.writes.add(name);
    else if (tree.schemaname !== undefined || !local.has(relname)) facts.reads.add(name);
  }

  #note(key: string, fields: Tree): void {
    const facts = Object.assign(this.#facts, TOLD.get(key));
    switch (key) {
      case 'InsertStmt':
      case 'UpdateStmt':
      case 'DeleteStmt':
      case 'MergeStmt':
      case 'RefreshMatViewStmt':
        this.#targets.add(treeOf(fields.relation));
        return;
      case 'TruncateStmt':
        for (const relation of treesIn(fields.relations, 'RangeVar')) this.#targets.add(relation);
        // Also tables that nobody named.
        if (fields.behavior === 'DROP_CASCADE') facts.isOpaque = facts.isWrite = true;
        return;
      case 'intoClause':
        this.#targets.add(treeOf(fields.rel));
        return;
      case 'onConflictClause':
        if (fields.action === 'ONCONFLICT_UPDATE') facts.updates = true;
        return;
      case 'FuncCall':
        return this.#call(fields);
      case 'String':
        facts.names.add(canonical(textOf(fields.sval) ?? ''));
        return;
      case 'A_Const':
        if (mayMove(treeOf(fields.sval).sval)) facts.isVolatile = true;
    }
  }

  #call({ funcname, args }: Tree): void {
    const facts = this.#facts;
    const callee = calleeOf('function', funcname);
    const name = canonical(callee.name);
    // In the application's own schema any name may be any function's.
    facts.functions.add(isSystem(callee) ? name : `.${name}`);
    if (isMoving(name, 'postgres')) facts.isVolatile = true;
    if (LOCKS.test(name)) facts.locks = true;
    if (name !== 'set_config') return;
    // `set_config(name, value, is_local)`.
    const [setting, , isLocal] = treesIn(args, 'A_Const');
    if (treeOf(isLocal?.boolval).boolval !== true) this.#sets(textOf(treeOf(setting?.sval).sval));
  }
}
