// The facts of a text of SQLite. See text-facts.ts.
//
// The walk goes through all children of a node, so that a kind of node that is not known here hides
// no name: a qualified name is that of a relation, unless its parent says otherwise.

import type { AstNode, Stmt } from 'sqlite3-parser';
import { mayMove } from '../../dependency/condition/cells.ts';
import { foldAscii } from '../../dependency/condition/texts.ts';
import { isMoving } from '../calls/functions.ts';
import { type Control, canonical, type FactsBuilder, type FactsReader, factsReader } from '../text-facts.ts';
import { childrenOf } from './expression.ts';
import { changesAnswers, isHarmless, sqliteTrees } from './parser.ts';

export function createSqliteFacts(): FactsReader {
  return factsReader(sqliteTrees, (node, facts) => new TreeWalker(facts).statement(node));
}

const CONTROLS: Readonly<Partial<Record<Stmt['type'], Control>>> = {
  BeginStmt: 'begin',
  CommitStmt: 'commit',
  RollbackStmt: 'rollback',
  SavepointStmt: 'savepoint',
  ReleaseStmt: 'release',
};

/** What a node tells about the statement by being there. */
const TOLD: Readonly<Partial<Record<AstNode['type'], Partial<FactsBuilder>>>> = {
  DeleteStmt: { deletes: true },
  UpdateStmt: { updates: true },
  SetUpsertDo: { updates: true },
  CurrentDateLiteral: { isVolatile: true },
  CurrentTimeLiteral: { isVolatile: true },
  CurrentTimestampLiteral: { isVolatile: true },
};

/** Members of the WITH lists that are seen. */
type Local = ReadonlySet<string>;

class TreeWalker {
  readonly #facts: FactsBuilder;
  /** Nodes of the tree that name something written or called. */
  readonly #others = new WeakSet<object>();

  constructor(facts: FactsBuilder) {
    this.#facts = facts;
  }

  statement(node: Stmt): void {
    if (this.#controls(node)) return;
    if (!/^(?:Select|Insert|Update|Delete)Stmt$/.test(node.type)) this.#facts.giveUp();
    this.#walk(node, new Set());
  }

  /** Whether it is about transactions or the session, and changes no rows. */
  #controls(node: Stmt): boolean {
    const facts = this.#facts;
    const isReturn = node.type === 'RollbackStmt' && node.savepointName !== undefined;
    const control = isReturn ? 'return' : CONTROLS[node.type];
    if (control !== undefined) Object.assign(facts, { control, chains: false });
    if ('savepointName' in node) facts.savepoint = foldAscii(node.savepointName?.text ?? '');
    if (node.type === 'PragmaStmt') {
      if (changesAnswers(node)) facts.settings.add('*');
    } else if (!isHarmless(node)) return false;
    facts.control ??= 'other';
    return true;
  }

  #walk(node: AstNode, local: Local): void {
    this.#note(node);
    if (node.type === 'QualifiedName') this.#relation(node, local);
    // Each member sees itself and all others.
    const members = 'with' in node ? (node.with?.ctes ?? []) : [];
    const inner =
      members.length === 0 ? local : new Set([...local, ...members.map(({ tblName }) => foldAscii(tblName.text))]);
    for (const child of childrenOf(node)) this.#walk(child, inner);
  }

  #relation(node: Extract<AstNode, { type: 'QualifiedName' }>, local: Local): void {
    const name = canonical(node.objName.text);
    if (node.dbName !== undefined && foldAscii(node.dbName.text) === 'temp') this.#facts.temporary.add(name);
    if (this.#others.has(node)) return;
    if (node.dbName !== undefined || !local.has(foldAscii(node.objName.text))) this.#facts.reads.add(name);
  }

  #note(node: AstNode): void {
    const facts = Object.assign(this.#facts, TOLD[node.type]);
    switch (node.type) {
      case 'InsertStmt':
      case 'UpdateStmt':
      case 'DeleteStmt':
        this.#others.add(node.tblName);
        facts.writes.add(canonical(node.tblName.objName.text));
        if ('orConflict' in node && node.orConflict === 'Replace') facts.deletes = facts.updates = true;
        return;
      case 'TableCallSelectTable':
        this.#others.add(node.tblName);
        return this.#call(node.tblName.objName.text);
      case 'InTableExpr':
        if (node.args === undefined) return;
        this.#others.add(node.rhs);
        return this.#call(node.rhs.objName.text);
      case 'FunctionCallExpr':
      case 'FunctionCallStarExpr':
        return this.#call(node.name.name);
      case 'LikeExpr':
        // SQLite has the operator, and the program its function.
        if (node.op === 'Regexp') this.#call(node.op);
        return;
      case 'StringLiteral':
        if (mayMove(node.value)) facts.isVolatile = true;
        return;
      default:
        if (!('temporary' in node) || node.temporary !== true) return;
        if ('tblName' in node) facts.temporary.add(canonical(node.tblName.objName.text));
        if ('viewName' in node) facts.temporary.add(canonical(node.viewName.objName.text));
    }
  }

  #call(written: string): void {
    const name = canonical(written);
    this.#facts.functions.add(name);
    if (isMoving(name, 'sqlite')) this.#facts.isVolatile = true;
  }
}
