// The facts of a text of SQLite. See text-facts.ts.
//
// The walk goes through all children of a node, so that a kind of node that is not known here hides
// no name: a qualified name is that of a relation, unless its parent says otherwise.

import type { AstNode, Stmt } from 'sqlite3-parser';
import { mayMove } from '../../dependency/condition/cells.ts';
import { foldAscii } from '../../dependency/condition/texts.ts';
import { isMoving } from '../calls/functions.ts';
import { type Control, canonical, type Draft, type FactsReader, factsReader } from '../text-facts.ts';
import { childrenOf } from './expression.ts';
import { changesAnswers, isHarmless, sqliteTrees } from './parser.ts';

export function createSqliteFacts(): FactsReader {
  return factsReader(sqliteTrees, (node, draft) => new Reading(draft).statement(node));
}

const CONTROLS: Readonly<Partial<Record<Stmt['type'], Control>>> = {
  BeginStmt: 'begin',
  CommitStmt: 'commit',
  RollbackStmt: 'rollback',
  SavepointStmt: 'savepoint',
  ReleaseStmt: 'release',
};

/** What a node tells about the statement by being there. */
const TOLD: Readonly<Partial<Record<AstNode['type'], Partial<Draft>>>> = {
  DeleteStmt: { deletes: true },
  UpdateStmt: { updates: true },
  SetUpsertDo: { updates: true },
  CurrentDateLiteral: { isVolatile: true },
  CurrentTimeLiteral: { isVolatile: true },
  CurrentTimestampLiteral: { isVolatile: true },
};

/** Members of the WITH lists that are seen. */
type Local = ReadonlySet<string>;

class Reading {
  readonly #draft: Draft;
  /** Nodes of the tree that name something written or called. */
  readonly #others = new WeakSet<object>();

  constructor(draft: Draft) {
    this.#draft = draft;
  }

  statement(node: Stmt): void {
    if (this.#controls(node)) return;
    if (!/^(?:Select|Insert|Update|Delete)Stmt$/.test(node.type)) this.#draft.giveUp();
    this.#walk(node, new Set());
  }

  /** Whether it is about transactions or the session, and changes no rows. */
  #controls(node: Stmt): boolean {
    const draft = this.#draft;
    const isReturn = node.type === 'RollbackStmt' && node.savepointName !== undefined;
    const control = isReturn ? 'return' : CONTROLS[node.type];
    if (control !== undefined) Object.assign(draft, { control, chains: false });
    if ('savepointName' in node) draft.savepoint = foldAscii(node.savepointName?.text ?? '');
    if (node.type === 'PragmaStmt') {
      if (changesAnswers(node)) draft.settings.add('*');
    } else if (!isHarmless(node)) return false;
    draft.control ??= 'other';
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
    if (node.dbName !== undefined && foldAscii(node.dbName.text) === 'temp') this.#draft.temporary.add(name);
    if (this.#others.has(node)) return;
    if (node.dbName !== undefined || !local.has(foldAscii(node.objName.text))) this.#draft.reads.add(name);
  }

  #note(node: AstNode): void {
    const draft = Object.assign(this.#draft, TOLD[node.type]);
    switch (node.type) {
      case 'InsertStmt':
      case 'UpdateStmt':
      case 'DeleteStmt':
        this.#others.add(node.tblName);
        draft.writes.add(canonical(node.tblName.objName.text));
        if ('orConflict' in node && node.orConflict === 'Replace') draft.deletes = draft.updates = true;
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
        if (mayMove(node.value)) draft.isVolatile = true;
        return;
      default:
        if (!('temporary' in node) || node.temporary !== true) return;
        if ('tblName' in node) draft.temporary.add(canonical(node.tblName.objName.text));
        if ('viewName' in node) draft.temporary.add(canonical(node.viewName.objName.text));
    }
  }

  #call(written: string): void {
    const name = canonical(written);
    this.#draft.functions.add(name);
    if (isMoving(name, 'sqlite')) this.#draft.isVolatile = true;
  }
}
