// How many statements a program has: all that stands where the grammar wants a statement, blocks themselves aside.

import { type Node, nodesOf } from '../tidy/source.ts';

/** By type of node: which of its parts are statements. */
const PLACES: Readonly<Record<string, readonly string[]>> = {
  Program: ['body'],
  BlockStatement: ['body'],
  StaticBlock: ['body'],
  TSModuleBlock: ['body'],
  SwitchCase: ['consequent'],
  IfStatement: ['consequent', 'alternate'],
  LabeledStatement: ['body'],
  ForStatement: ['body'],
  ForInStatement: ['body'],
  ForOfStatement: ['body'],
  WhileStatement: ['body'],
  DoWhileStatement: ['body'],
};

const UNCOUNTED = new Set(['BlockStatement', 'EmptyStatement']);

export function statementsOf(program: Node): number {
  let count = 0;
  for (const node of nodesOf(program)) {
    for (const place of PLACES[node.type] ?? []) {
      const held = [node[place]].flat() as readonly (Node | null | undefined)[];
      count += held.filter((statement) => statement != null && !UNCOUNTED.has(statement.type)).length;
    }
  }
  return count;
}
