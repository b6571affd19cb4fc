// Statements as applications run them: words in their texts that change the state of the connection, their parameters in the
// statement's own order, and how the registry binds them, with look-ups of what the answer does not show.
//
// Drivers take parameters by name as well. A name that cannot be found is a parameter that is not known, which makes what is
// compared with it wider. A look-up may see more than the statement saw. This misses nothing: a change that makes it answer
// otherwise changes a row that the statement's own reads match, and all changes since the mark are matched against those.

import { bindInstance, neededOutputs, resultRowsOf } from '../../dependency/bind.ts';
import { ServerText } from '../../dependency/condition/cells.ts';
import type { Registry } from '../../dependency/registry.ts';
import type { Instance, Template } from '../../dependency/template.ts';
import type { Parser } from '../../sql/ast.ts';
import type { OpenDatabase } from '../follow/open-database.ts';
import type { Mark, StatementRead } from '../follow/registry-client.ts';

export type Call = (...given: unknown[]) => unknown;

export interface StatementArguments {
  readonly list: readonly unknown[];
  /** Values by name, with or without the sign before it. */
  readonly named?: Readonly<Record<string, unknown>> | undefined;
  /** How things stood before, for a statement that is recorded only when it has been run. No mark: nothing could be registered. */
  readonly started?: { readonly mark: Mark | undefined } | undefined;
}

export const NO_ARGUMENTS: StatementArguments = { list: [] };

/** Takes values as SQLite's drivers do: lists, single values, and objects of named ones. */
export function argumentsOf(values: readonly unknown[]): StatementArguments {
  const list: unknown[] = [];
  let named: Record<string, unknown> | undefined;
  try {
    for (const value of values) {
      if (Array.isArray(value)) list.push(...value);
      else if (isNames(value)) named = { ...named, ...value };
      else list.push(value);
    }
  } catch {
    // A getter that throws, for one: that is for the driver to say.
    return NO_ARGUMENTS;
  }
  return { list, named };
}

function isNames(value: unknown): value is Readonly<Record<string, unknown>> {
  if (typeof value !== 'object' || value === null) return false;
  return !(ArrayBuffer.isView(value) || value instanceof ArrayBuffer || value instanceof Date);
}

interface Signature {
  /** Names by number, from 0; a parameter without a name is undefined. */
  readonly names: readonly (string | undefined)[];
  /** Which value is which parameter's is not the same for all drivers. */
  readonly isMixed: boolean;
}

const signatures = new WeakMap<Template, Signature>();

/** Lists the parameters of a SQLite statement; PostgreSQL's are a list already. */
export function positional(template: Template, given: StatementArguments, parser: Parser): readonly unknown[] {
  let signature = signatures.get(template);
  if (signature === undefined) {
    signature = signatureOf(template.text, parser);
    signatures.set(template, signature);
  }
  if (signature.isMixed) return [];
  // Drivers skip named parameters when they count.
  const rest = [...given.list];
  return signature.names.map((name) => (name === undefined ? rest.shift() : named(name, given.named ?? {})));
}

function named(name: string, values: Readonly<Record<string, unknown>>): unknown {
  const bare = name.slice(1);
  const isBare = Object.hasOwn(values, bare);
  if (isBare === Object.hasOwn(values, name)) return undefined;
  return values[isBare ? bare : name];
}

function signatureOf(text: string, parser: Parser): Signature {
  const [statement] = parser.parse(text);
  const names = statement?.kind === 'query' ? (statement.parameterNames ?? []) : [];
  const isNumbered = /\?\d/.test(text);
  return { names, isMixed: isNumbered && (/\?(?!\d)/.test(text) || names.some((name) => name !== undefined)) };
}

const CONTROL = /^[\s;]*(?:begin|start\s+transaction|commit|end|rollback|abort|savepoint|release)\b[^;]*;?\s*$/i;
const BEGINS = /(?:^|;)\s*(?:begin|start\s+transaction|savepoint)\b/i;
const ALTERS = [
  /(?:^|;)\s*(?:attach|detach|reset|discard)\b/i,
  /(?:^|;)\s*set\s+(?!(?:local\s+|session\s+)?(?:transaction|characteristics|\w+_timeout|application_name)\b)/i,
  /\b(?:load_extension|set_config)\s*\(/i,
  /\btemp(?:orary)?\s+(?:table|view|sequence)\b|\b(?:temp|pg_temp)\s*\.|\binto\s+temp/i,
];

/** Whether it begins or ends a transaction, and nothing else. */
export function isControl(text: string): boolean {
  return CONTROL.test(text);
}

/**
 * Whether the connection counts as altered after it: names or values may mean something else, or, where the connection is blind,
 * a transaction may have begun.
 */
export function mayAlter(text: string, isBlind = false): boolean {
  return (isBlind && BEGINS.test(text)) || ALTERS.some((pattern) => pattern.test(text));
}

type List = readonly unknown[];

const flags = new WeakMap<StatementRead['template'], readonly boolean[]>();

/** By column, up to the last that facts are taken from. */
function neededFlags(template: StatementRead['template']): readonly boolean[] {
  const known = flags.get(template);
  if (known !== undefined) return known;
  const needed = neededOutputs(template);
  const made = Array.from({ length: Math.max(-1, ...needed) + 1 }, (_, column) => needed.has(column));
  flags.set(template, made);
  return made;
}

/**
 * Copies what is needed: the application may write into its own values. `rows`: as the driver gave them; undefined when they
 * are not known. `cutsTexts`: a text among them may be only the beginning of the stored one.
 */
export function statementRead(
  template: StatementRead['template'],
  { parameters, rows, cutsTexts }: { parameters: List; rows: List | undefined; cutsTexts: boolean | undefined },
): StatementRead {
  const isNeeded = neededFlags(template);
  const result = rows && resultRowsOf(template, rows, cutsTexts);
  const facts = result?.rows.map((row) => isNeeded.map((is, column) => (is ? factOf(row[column]) : undefined)));
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
