// The look-ups of statements that clients register, run by the feed process, which has the database.
//
// A client binds the statement without them, so that the parts that wait for a look-up hold of any row. The answers are
// put in here, in the places of those parts. As where statement and registry are in one process, a look-up may see more
// than the statement saw: all changes since its mark are matched against the registered reads.

import { bindWhole } from '../../dependency/condition/bind-predicate.ts';
import type { Predicate } from '../../dependency/condition/predicate.ts';
import type { Instance, Lookup, TableRead, Template } from '../../dependency/template.ts';
import type { LookedUp, OpenDatabase } from '../contract.ts';

type Tracked = Extract<Template, { kind: 'tracked' }>;

/** Those parameters of a statement that its look-ups ask by; undefined when one of them cannot be sent. */
export function lookupGiven(lookups: readonly Lookup[], parameters: readonly unknown[]): unknown[] | undefined {
  const given: unknown[] = [];
  for (const operand of lookups.flatMap(({ operands }) => operands)) {
    if (operand.kind !== 'parameter') continue;
    const value = parameters[operand.index];
    if (!isPlain(value)) return undefined;
    while (given.length <= operand.index) given.push(undefined);
    given[operand.index] = value;
  }
  return given;
}

function isPlain(value: unknown): boolean {
  return value === null || /^(?:number|bigint|string|boolean)$/.test(typeof value) || value instanceof Uint8Array;
}

/** The instance with the answers of its look-ups; unchanged where they are not run. */
export function withLookups(
  instance: Instance,
  given: readonly unknown[] | undefined,
  lookUp: OpenDatabase['lookUp'],
): Instance {
  const template: Tracked = instance.template;
  if (given === undefined || template.lookups === undefined || lookUp === undefined) return instance;
  const lookups: unknown = lookUp(template.lookups, given);
  if (!Array.isArray(lookups)) return instance;
  const reads = instance.reads.map((bound) => {
    const predicate = narrowed(bound.predicate, { read: bound.read, part: bound.read.predicate, lookups });
    return { ...bound, predicate };
  });
  return { template, reads };
}

interface Place {
  readonly read: TableRead;
  /** The part before it was bound. */
  readonly part: Predicate;
  readonly lookups: LookedUp;
}

function narrowed(bound: Predicate, place: Place): Predicate {
  const { read, part, lookups } = place;
  if (part.kind === 'and' && bound.kind === 'and' && part.parts.length === bound.parts.length) {
    const parts = bound.parts.map((one, at) => narrowed(one, { ...place, part: part.parts[at] as Predicate }));
    return { kind: 'and', parts };
  }
  const isWaiting = part.kind === 'in' && part.operands.every(({ kind }) => kind === 'lookup');
  if (!isWaiting || bound.kind !== 'always') return bound;
  return bindWhole({ ...read, predicate: part }, { parameters: [], result: { rows: [], lookups } });
}
