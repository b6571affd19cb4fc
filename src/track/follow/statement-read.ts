// A statement as it was run, from the recorder to the registry that binds it: with look-ups of what its answer does not
// show.
//
// A look-up may see more than the statement saw. This misses nothing: a change that makes it answer otherwise changes a
// row that the statement's own reads match, and all changes since the mark are matched against those.

import { bindInstance, neededOutputs, resultRowsOf } from '../../dependency/bind.ts';
import { ServerText } from '../../dependency/condition/cells.ts';
import type { Registry } from '../../dependency/registry.ts';
import type { Instance } from '../../dependency/template.ts';
import type { OpenDatabase } from './open-database.ts';
import type { StatementRead } from './registry-client.ts';

export interface Run {
  readonly parameters: readonly unknown[];
  /** Rows of its answer, as the driver gave them; undefined when they are not known. */
  readonly rows: readonly unknown[] | undefined;
  /** A text of the answer may be only the beginning of the stored one. */
  readonly cutsTexts: boolean | undefined;
}

const flags = new WeakMap<StatementRead['template'], readonly boolean[]>();

/** By column, up to the last that facts are taken from. */
function neededFlags(template: StatementRead['template']): readonly boolean[] {
  const known = flags.get(template);
  if (known !== undefined) return known;
  const made: boolean[] = [];
  for (const column of neededOutputs(template)) {
    while (made.length <= column) made.push(false);
    made[column] = true;
  }
  flags.set(template, made);
  return made;
}

/** Copies what is needed: the application may write into its own values. */
export function statementRead(
  template: StatementRead['template'],
  { parameters, rows, cutsTexts }: Run,
): StatementRead {
  const isNeeded = neededFlags(template);
  const result = rows && resultRowsOf(template, rows, cutsTexts);
  const facts = result?.rows.map((row) => {
    const cells: unknown[] = [];
    for (let column = 0; column < isNeeded.length; column++)
      cells.push(isNeeded[column] === true ? factOf(row[column]) : undefined);
    return cells;
  });
  return { template, parameters: Array.from(parameters, factOf), result: facts && { rows: facts } };
}

/** Undefined for a value that no driver is known to write in one way. */
function factOf(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return typeof value === 'function' ? undefined : value;
  if (value instanceof Uint8Array || value instanceof ArrayBuffer) return new Uint8Array(value);
  if (value instanceof Date) return new Date(value.getTime());
  if (value instanceof ServerText) return value;
  return Array.isArray(value) ? Array.from(value as readonly unknown[], factOf) : undefined;
}

type LookUps = Pick<OpenDatabase, 'lookUp' | 'lookUpLater'>;

export function boundRead(read: StatementRead, { lookUp }: LookUps): Instance {
  const { template, parameters, result, instance } = read;
  if (instance !== undefined) return instance;
  const lookups = result && template.lookups && lookUp?.(template.lookups, parameters);
  read.instance = bindInstance(template, parameters, result && { ...result, lookups });
  return read.instance;
}

/** Nobody waits for look-ups on another connection: until then the statement is registered as wide as it is without. */
export async function narrowLater(
  { template, parameters, result, instance }: StatementRead,
  registration: { readonly tag: string; readonly registry: Registry },
  { lookUpLater }: LookUps,
): Promise<void> {
  const { tag, registry } = registration;
  if (template.lookups === undefined || result === undefined || instance === undefined) return;
  // Now: a change may make it outdated, and then the same be registered again, before the look-up has come.
  const id = lookUpLater && registry.registrationOf(tag, instance);
  const lookups = id === undefined ? undefined : await lookUpLater?.(template.lookups, parameters);
  if (id === undefined || lookups?.some((one) => one !== undefined) !== true) return;
  registry.narrow(id, bindInstance(template, parameters, { ...result, lookups }));
}
