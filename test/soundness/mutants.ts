// Mutants: analysis, evaluation and index with one rule taken out. Each must make the run miss a change, or the run does
// not look where it should.

import type { SourceEdit } from '../sim/source-edits.ts';

export interface Mutant {
  readonly name: string;
  readonly edits: readonly SourceEdit[];
  /** The only one it could be caught by, where that comes seldom. */
  readonly feature?: string;
  /** It shows in PostgreSQL alone. */
  readonly isPostgres?: boolean;
}

/** `place`: the file, and the feature after a colon. */
function mutant(name: string, place: string, ...edits: readonly (readonly [find: string, replace: string])[]): Mutant {
  const [file, feature] = place.split(': ');
  const all = edits.map(([find, replace]) => ({ file: `src/${file}`, find, replace }));
  return feature === undefined ? { name, edits: all } : { name, edits: all, feature };
}

export function postgresMutant(...parts: Parameters<typeof mutant>): Mutant {
  return { ...mutant(...parts), isPostgres: true };
}

export const MUTANTS: readonly Mutant[] = [
  mutant('maybe-taken-for-null', 'dependency/condition/evaluate.ts', [
    "case 'given':\n      return ANY;",
    "case 'given':\n      return NULL;",
  ]),
  mutant('end-left-out', 'dependency/condition/evaluate.ts', [
    "operator === '=' || operator === '<='",
    "operator === '='",
  ]),
  mutant('not-forgotten', 'dependency/condition/evaluate.ts', [
    'return setOfNot(setOf(predicate.part, table, row));',
    'return setOf(predicate.part, table, row);',
  ]),
  mutant('old-image-ignored', 'dependency/affected.ts', [
    "(part === 'unknown' || wasSkipped) && isPossible(before)",
    'wasSkipped && isPossible(before)',
  ]),
  mutant('nulls-always-last', 'dependency/affected.ts', [
    "if (cell === null) return last === null ? 'same' : term.nullsFirst ? 'before' : 'after';",
    "if (cell === null) return last === null ? 'same' : 'after';",
  ]),
  mutant('skipped-rows-forgotten', 'dependency/affected.ts', [
    "if (part === 'out' && bound.bound?.hasOffset !== true) return undefined;",
    "if (part === 'out') return undefined;",
  ]),
  mutant('bound-of-a-window-that-is-not-full', 'dependency/bind.ts', [
    'last === undefined || result.rows.length < limit',
    'last === undefined',
  ]),
  mutant('undecided-is-false', 'dependency/bind.ts: optional filter', [
    'return truth === undefined ? UNDECIDED',
    'return truth === undefined ? FALSE',
  ]),
  mutant('null-of-a-missing-partner-ends-it', 'dependency/bind.ts', [
    'if (value === null) continue;',
    'if (value === null) break;',
  ]),
  mutant('on-narrows-the-kept-side', 'sql/resolve/regions.ts', [
    "if (node.type === 'left') outer.push({ ...node, left: NOTHING });",
    "if (node.type === 'left') { outer.push({ ...node, left: NOTHING }); region.conjuncts.push(...node.on); }",
  ]),
  mutant('anti-joins-only-add', 'sql/resolve/regions.ts', [
    'return region.full.length === 0 && !looks;',
    'return region.full.length === 0 && (!looks || true);',
  ]),
  mutant('full-join-is-a-left-join', 'sql/resolve/regions.ts', [
    "if (node.type === 'full') {",
    "if (node.type === ('never' as string)) {",
  ]),
  mutant('cut-by-any-order', 'sql/resolve/outputs.ts: left join of a window', [
    'isCut && !isPlacedFirst(top)',
    'isCut && top === undefined',
  ]),
  mutant('second-side-of-a-cut', 'sql/resolve/outputs.ts: left join of a window', [
    'region.nullable.length > 1 || ',
    '',
  ]),
  mutant('nested-side-looked-at', 'sql/narrow/narrowing.ts: nested left join', [
    'isBlind(nullable) ? around.chained : undefined',
    'isBlind(nullable) || true ? around.chained : undefined',
  ]),
  mutant('closure-across-types', 'sql/narrow/closure.ts: join of any columns', [
    'isCarried(typeOf(left.ref), typeOf(right.ref))',
    'typeOf(left.ref).family === typeOf(right.ref).family',
  ]),
  mutant('closure-of-any-comparison', 'sql/narrow/closure.ts: join of any columns', [
    "if (operator === '=' && isCarried(",
    'if (isCarried(',
  ]),
  mutant('having-not-read', 'sql/resolve/selects.ts: group by', [
    '[resolve(body.having)]',
    '(resolve(body.having), [])',
  ]),
  mutant('groups-not-read', 'sql/resolve/selects.ts: group by', ['...body.groupBy.map(byNumber),', '']),
  mutant('order-of-another-column', 'sql/resolve/outputs.ts', [
    'isDescending: term.isDescending, nullsFirst',
    'isDescending: false, nullsFirst',
  ]),
  mutant('not-in-without-nulls', 'sql/narrow/narrowing.ts: in subquery of a key', [
    'if (isNegated && !(isThere(',
    'if (!isNegated && isNegated && !(isThere(',
  ]),
  mutant('list-is-never-empty', 'sql/narrow/conjuncts.ts: left join', [
    'return isMaybeEmpty ? FALSE | NULL : NULL;',
    'return NULL;',
  ]),
  mutant('types-of-parts-differ', 'sql/resolve/regions.ts: filter over a compound', [
    'isSameType(type, first)',
    'first !== undefined',
  ]),
  mutant('records-not-looked-at', 'dependency/index/table.ts', [
    'if (key !== undefined && isUsed) this.#matchRecord(key, probe);',
    'void isUsed;',
  ]),
  mutant('first-of-a-list-alone', 'dependency/index/path.ts', ['return [...all];', 'return [...all].slice(0, 1);']),
  mutant('columns-of-conditions-not-used', 'dependency/index/plan.ts', [
    'gatherColumns(read.predicate, columns);\n  gatherColumns(predicate, columns);',
    '',
  ]),
  mutant('longest-prefix-alone', 'dependency/index/path.ts', [
    'for (let length = 0; length <= text.length; length++) {',
    'for (let length = text.length; length <= text.length; length++) {',
  ]),
  mutant('prefix-of-another-case', 'dependency/index/path.ts', [
    'return foldsCase ? foldAscii(start) : start;',
    'return start;',
  ]),
  mutant('zero-ends-no-text', 'dependency/condition/cells.ts', [
    'if (end !== -1) return SQLITE_NUMBER',
    'if (end < -1) return SQLITE_NUMBER',
  ]),
  postgresMutant('parsers-make-facts', 'track/wrap/wrap-postgres.ts: order and limit', [
    'texts.push(text);\n      return parse(text);',
    'const made = parse(text);\n      texts.push(String(made));\n      return made;',
  ]),
  postgresMutant(
    'nulls-of-parsers-believed',
    'track/wrap/wrap-postgres.ts: order and limit',
    ['if (texts.length === shown.length) return made;', 'if (texts.length < 0) return made;'],
    ['if (texts.length + nulls !== shown.length) return undefined;', 'void nulls;'],
  ),
  postgresMutant('moving-literal-stands-still', 'sql/postgres/moving-texts.ts: moving time', [
    "expression.kind === 'literal' && mayMove(expression.value)",
    "expression.kind === 'literal' && expression.value === ''",
  ]),
  postgresMutant('moving-parameter-stands-still', 'dependency/condition/cells.ts: moving time', [
    "if (typeof value === 'string') return MOVING.test(value);",
    "if (typeof value === 'string') return value === '';",
  ]),
  postgresMutant('times-are-timeless', 'sql/resolve/expressions.ts: moving time', [
    '!MOMENTS.has(type.type)',
    "type.type !== 'opaque'",
  ]),
  postgresMutant('decimals-sort-as-texts', 'dependency/condition/texts.ts: equality', [
    'compare: compareDecimals',
    'compare: compareCodePoints',
  ]),
  postgresMutant('padding-counts', 'dependency/condition/texts.ts: equality', [
    "case 'char':\n      return PADDED;",
    "case 'char':\n      return BINARY;",
  ]),
  postgresMutant('any-collation-sorts-by-bytes', 'sql/postgres/catalogue.ts: range', [
    'isOrdered: isUtf8 && isByBytes(collation)',
    'isOrdered: isUtf8 || isByBytes(collation)',
  ]),
  postgresMutant('blind-collation-sees', 'sql/postgres/catalogue.ts: equality', [
    'if (collation?.isDeterministic !== true) return OPAQUE;',
    'if (collation === undefined) return OPAQUE;',
  ]),
  postgresMutant('unchanged-large-value-is-null', 'feed/postgres/relations.ts: conjunction', [
    "if (typeof text !== 'string') return text;",
    "if (typeof text !== 'string') return text ?? null;",
  ]),
  postgresMutant('key-alone-is-the-whole-row', 'feed/postgres/relations.ts', [
    'return isWhole ? rowOf(layout, cells) : identityRow(layout, cells);',
    'return isWhole || !isWhole ? rowOf(layout, cells) : identityRow(layout, cells);',
  ]),
  postgresMutant('no-old-row-is-the-new-one', 'feed/postgres/relations.ts', [
    'old === undefined ? identityRow(layout, message.new)',
    'old === undefined ? rowOf(layout, message.new)',
  ]),
  postgresMutant('truncates-not-told', 'feed/postgres/relations.ts', [
    'return relations.map((id) => ({ kind',
    'return relations.slice(relations.length).map((id) => ({ kind',
  ]),
  postgresMutant('ilike-is-like', 'sql/postgres/expression.ts: prefix', [
    "foldsCase: operator.endsWith('*')",
    'foldsCase: false',
  ]),
  postgresMutant('nulls-as-in-the-other-database', 'sql/resolve/outputs.ts: order and limit', [
    'analysis.dialect.nullsFirst(term.isDescending)',
    '!analysis.dialect.nullsFirst(term.isDescending)',
  ]),
  postgresMutant('a-row-gives-one-row', 'sql/calls/purity.ts: set returning', [
    'const isSet = dialect.hasOwnOperators &&',
    'const isSet = !dialect.hasOwnOperators &&',
  ]),
  postgresMutant('a-row-gives-one-row-by-own-functions', 'sql/calls/purity.ts: set returning', [
    'if (own.some((routine) => routine.isOverRows)) return true;',
    '',
  ]),
  postgresMutant('unknown-columns-are-none', 'sql/resolve/resolved.ts: set returning', [
    'return plan.isRowByRow && plan.hasAllOutputs;',
    'return plan.isRowByRow;',
  ]),
  postgresMutant('a-row-is-one-column', 'sql/resolve/selects.ts: fields of a row', [
    'if (column.isSpread === true) hasAll = false;',
    '',
  ]),
  ...['function', 'operator', 'type', 'field'].map((kind) =>
    postgresMutant(`own-${kind}-is-the-systems`, 'sql/calls/purity.ts: own routine', [
      'routines.find(callee).flatMap(',
      `(callee.kind === '${kind}' ? [] : routines.find(callee)).flatMap(`,
    ]),
  ),
  postgresMutant('types-of-columns-run-nothing', 'sql/resolve/names.ts: own routine', [
    '  checkRuns(runs, analysis);\n',
    '',
  ]),
];
