import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Cell, TableShape } from '../../src/dependency/change.ts';
import { evaluate } from '../../src/dependency/condition/evaluate.ts';
import { isLike } from '../../src/dependency/condition/like.ts';
import type { Predicate, Truth } from '../../src/dependency/condition/predicate.ts';

const type = { family: 'sqlite', affinity: 'integer', collation: 'binary' } as const;
const TABLE: TableShape = {
  name: 't',
  columns: [
    { name: 'a', type, isNotNull: false },
    { name: 'b', type, isNotNull: true },
  ],
  key: [],
};

/** Whether column a is 1, for one that is 1, 2, NULL or not known. */
const isOne: Predicate = { kind: 'compare', column: 0, operator: '=', operand: { kind: 'value', value: 1 } };
const part = (truth: Truth): Predicate => {
  if (truth === 'maybe') return { kind: 'maybe', columns: [1], reason: 'test' };
  if (truth === 'null') return { kind: 'compare', column: 1, operator: '=', operand: { kind: 'value', value: null } };
  return truth === 'true' ? { kind: 'always' } : { kind: 'not', part: { kind: 'always' } };
};
const of = (predicate: Predicate) => evaluate(predicate, TABLE, [1, 1]);

describe('evaluate', () => {
  it('of a column and a value', () => {
    const cells: readonly [Cell, Truth][] = [
      [1, 'true'],
      [2, 'false'],
      [null, 'null'],
      [undefined, 'maybe'],
    ];
    for (const [cell, truth] of cells) expect(evaluate(isOne, TABLE, [cell, 1])).toBe(truth);
  });

  it('of NULL and of what is not known', () => {
    const isNull = (column: number): Predicate => ({ kind: 'is-null', column });
    expect(evaluate(isNull(0), TABLE, [undefined, 1])).toBe('maybe');
    expect(evaluate(isNull(1), TABLE, [1, undefined])).toBe('false');
    expect(evaluate(isNull(0), TABLE, [null, 1])).toBe('true');
  });

  it('NULL AND MAYBE is never TRUE, and its NOT may be', () => {
    const both: Predicate = { kind: 'and', parts: [part('null'), part('maybe')] };
    expect(of(both)).toBe('null');
    expect(of({ kind: 'not', part: both })).toBe('maybe');
    const either: Predicate = { kind: 'or', parts: [part('null'), part('maybe')] };
    expect(of(either)).toBe('maybe');
    expect(of({ kind: 'not', part: either })).toBe('null');
  });

  it('of an empty list is FALSE, also for NULL', () => {
    const none: Predicate = { kind: 'in', column: 0, operands: [] };
    for (const cell of [1, null, undefined]) expect(evaluate(none, TABLE, [cell, 1])).toBe('false');
  });

  it('of what is not bound, and of a column that is not there, is MAYBE', () => {
    expect(of({ ...isOne, operand: { kind: 'parameter', index: 0 } } as Predicate)).toBe('maybe');
    expect(of({ kind: 'in', column: 0, operands: [{ kind: 'result', column: 0 }] })).toBe('maybe');
    expect(of({ ...isOne, column: 7 } as Predicate)).toBe('maybe');
  });

  it('is what Kleene says, whatever MAYBE turns out to be', () => {
    const leaf = fc.constantFrom<Truth>('true', 'false', 'null', 'maybe');
    type Tree =
      | Truth
      | { readonly kind: 'not'; readonly of: Tree }
      | { readonly kind: 'and' | 'or'; readonly of: Tree[] };
    const { tree } = fc.letrec<{ tree: Tree }>((tie) => ({
      tree: fc.oneof(
        { depthSize: 'small', withCrossShrink: true },
        leaf,
        tie('tree').map((one): Tree => ({ kind: 'not', of: one })),
        fc.tuple(fc.constantFrom('and', 'or'), fc.array(tie('tree'), { maxLength: 3 })).map(
          ([kind, parts]): Tree => ({
            kind,
            of: parts,
          }),
        ),
      ),
    }));
    const predicateOf = (one: Tree): Predicate => {
      if (typeof one === 'string') return part(one);
      if (one.kind === 'not') return { kind: 'not', part: predicateOf(one.of) };
      return { kind: one.kind, parts: one.of.map(predicateOf) };
    };
    // 1, 0, and a half for NULL: AND is the least, OR the greatest, NOT the complement.
    const numberOf = (one: Tree, choose: () => number): number => {
      if (one === 'maybe') return choose();
      if (typeof one === 'string') return { true: 1, false: 0, null: 0.5 }[one];
      if (one.kind === 'not') return 1 - numberOf(one.of, choose);
      const parts = one.of.map((inner) => numberOf(inner, choose));
      return one.kind === 'and' ? Math.min(1, ...parts) : Math.max(0, ...parts);
    };
    fc.assert(
      fc.property(tree, fc.infiniteStream(fc.constantFrom(0, 0.5, 1)), (one, stream) => {
        const truth = of(predicateOf(one));
        const answer = numberOf(one, () => stream.next().value as number);
        const possible = { true: [1], false: [0], null: [0, 0.5], maybe: [0, 0.5, 1] }[truth];
        expect(possible).toContain(answer);
        if (!JSON.stringify(one).includes('maybe')) {
          expect(truth).toBe(answer === 1 ? 'true' : answer === 0 ? 'false' : 'null');
        }
      }),
      { numRuns: 3000 },
    );
  });
});

describe('LIKE', () => {
  const options = { dialect: 'postgres', escape: undefined, foldsCase: false } as const;

  it('is what the regular expression says', () => {
    const letters = fc.string({ unit: fc.constantFrom('a', 'b', '\u{1f600}'), maxLength: 8 });
    const patterns = fc.string({ unit: fc.constantFrom('a', 'b', '%', '_', '\u{1f600}'), maxLength: 8 });
    fc.assert(
      fc.property(letters, patterns, (text, pattern) => {
        const regular = new RegExp(`^${pattern.replaceAll('%', '.*').replaceAll('_', '.')}$`, 'su');
        expect(isLike(text, pattern, options)).toBe(regular.test(text) ? 'true' : 'false');
      }),
      { numRuns: 3000 },
    );
  });

  it('gives up where it would take long', () => {
    const text = 'a'.repeat(100_000);
    expect(isLike(text, `%${'a'.repeat(1000)}b`, options)).toBe('maybe');
    expect(isLike(text, '%a%a%a%', options)).toBe('true');
  });

  it('with an escape that is none, or that nothing follows, is MAYBE', () => {
    expect(isLike('a', 'a\\', options)).toBe('maybe');
    expect(isLike('a\\', 'a\\\\', options)).toBe('true');
    expect(isLike('a', 'a', { ...options, escape: 'xy' })).toBe('maybe');
    expect(isLike('a', 'a', { ...options, escape: '%' })).toBe('maybe');
    expect(isLike('a\\', 'a\\', { ...options, dialect: 'sqlite' })).toBe('true');
  });

  it('with a zero character of SQLite is MAYBE', () => {
    expect(isLike('a\0', 'a_', { ...options, dialect: 'sqlite' })).toBe('maybe');
  });

  it('of letters in another case is MAYBE, as a pragma or a locale may decide', () => {
    const folding = { ...options, foldsCase: true };
    expect(isLike('Lane', 'l%', folding)).toBe('maybe');
    expect(isLike('Lane', 'L%', folding)).toBe('true');
    expect(isLike('Lane', 'm%', folding)).toBe('false');
    expect(isLike('Émile', 'm%', folding)).toBe('maybe');
    expect(isLike('Émile', 'm%', { ...folding, dialect: 'sqlite' })).toBe('false');
  });
});
