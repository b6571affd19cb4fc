// Configurations: what each key may be, what stands for one that is not given, and what becomes of it, in one table.
//
// kit.ts stops at the first problem, since a program has one mistake at a time. A configuration is read to its end: one error
// names every problem, a line each.

import { shown, TidegateError } from '../errors.ts';
import { type Duration, MAX_TIMER_MS, msOf, wholeMs } from './durations.ts';
import { isRecord, type UnknownRecord } from './kit.ts';
import { hint, withoutUnit } from './names.ts';

export type Path = readonly (string | number)[];

/** Takes a problem with the place of the value that has it. */
export type Tell = (problem: string, path: Path) => void;

interface Form<Got> {
  /** The phrase of its refusal. */
  readonly expected: string;
  readonly fits: (value: unknown) => boolean;
  /** How a refusal shows the value. */
  readonly show?: (value: unknown) => string;
  /** What becomes of a value that fits; what is inside it may still be wrong. Default: the value itself. */
  readonly convert?: (value: unknown, tell: Tell) => Got;
  /** Whether it is this one of several forms that the value was meant to have. Default: `fits`. */
  readonly isMeant?: (value: unknown) => boolean;
  readonly isDuration?: true;
  /** For documentation: the keys of a section, the elements of a list or table, the forms of a choice. */
  readonly shape?: Shape;
  readonly element?: Kind<unknown, unknown>;
  readonly choices?: readonly Kind<unknown, unknown>[];
}

/** What a value may be; `Given` is its type as people write it, `Got` its type as the program uses it. */
export class Kind<Got, Given = Got> {
  readonly form: Form<Got>;
  readonly isRequired: boolean;
  /** What stands for a value that is not given; undefined: nothing does. */
  readonly standard: unknown;

  constructor(form: Form<Got>, isRequired = true, standard?: unknown) {
    this.form = form;
    this.isRequired = isRequired;
    this.standard = standard;
  }

  /** After a problem the result has no meaning. Without `tell`, throws E_CONFIG at the first problem. */
  read(value: unknown, tell: Tell = refuse): Got {
    const given = value === undefined ? this.standard : value;
    const { fits, convert, expected, show = shown } = this.form;
    if (given === undefined && !this.isRequired) return undefined as Got;
    if (fits(given)) return convert === undefined ? (given as Got) : convert(given, tell);
    tell(`expected ${expected}, got ${show(given)}`, []);
    return undefined as Got;
  }

  isMeant(value: unknown): boolean {
    const { fits, isMeant = fits } = this.form;
    return isMeant(value);
  }

  optional(): Kind<Got | undefined, Given | undefined> {
    return new Kind<Got | undefined, Given | undefined>(this.form, false);
  }

  default(standard: Given): Kind<Got, Given | undefined> {
    return new Kind<Got, Given | undefined>(this.form, false, standard);
  }
}

const refuse: Tell = (problem, path) => {
  throw refused('the configuration', [lineOf(problem, path)]);
};

type Shape = Readonly<Record<string, Kind<unknown, unknown>>>;

export type GotOf<K> = K extends Kind<infer Got, never> ? Got : never;
export type GivenOf<K> = K extends { default(standard: infer Given): unknown } ? Given : never;

type OptionalKeys<S> = { [Key in keyof S]: undefined extends GivenOf<S[Key]> ? Key : never }[keyof S];
type Flat<T> = { readonly [Key in keyof T]: T[Key] };
type SectionGiven<S> = Flat<
  { readonly [Key in OptionalKeys<S>]?: GivenOf<S[Key]> } & {
    readonly [Key in Exclude<keyof S, OptionalKeys<S>>]: GivenOf<S[Key]>;
  }
>;
type InMs<S, Key extends keyof S> = Duration extends GivenOf<S[Key]> ? `${Key & string}Ms` : Key;
type UnsetKeys<S> = { [Key in keyof S]: undefined extends GotOf<S[Key]> ? Key : never }[keyof S];
type SectionGot<S> = Flat<
  { readonly [Key in UnsetKeys<S> as InMs<S, Key>]?: GotOf<S[Key]> } & {
    readonly [Key in Exclude<keyof S, UnsetKeys<S>> as InMs<S, Key>]: GotOf<S[Key]>;
  }
>;

/** A value that `fits` accepts; `expected` is the phrase of its refusal. */
export function value<T>(expected: string, fits: (value: unknown) => boolean, show = shown): Kind<T> {
  return new Kind<T>({ expected, fits, show });
}

/** A text, of a form if there is one. */
export function like(expected: string, form = /^/, show = shown): Kind<string> {
  return value<string>(expected, matches(form), show);
}

export function matches(form: RegExp) {
  return (given: unknown): given is string => typeof given === 'string' && form.test(given);
}

/** For values that are never repeated. */
export function showSecret(given: unknown): string {
  return typeof given === 'string' ? `a text of ${given.length} characters (not shown)` : shown(given);
}

export function integer(least: number, most?: number): Kind<number> {
  const range = most === undefined ? `, ${least} or more` : ` from ${least} to ${most}`;
  return value<number>(`an integer${range}`, (given) => isIntegerIn(given, least, most));
}

export function isIntegerIn(given: unknown, least: number, most = Number.MAX_SAFE_INTEGER): boolean {
  return Number.isSafeInteger(given) && least <= (given as number) && (given as number) <= most;
}

/** A duration. The section that it is in gives it on in ms, under a name that says so. */
export function duration(leastMs = 0, mostMs?: number): Kind<number, Duration> {
  const { form: expected, fits } = wholeMs(leastMs, mostMs);
  return new Kind<number, Duration>({ expected, fits, convert: (given) => msOf(given) as number, isDuration: true });
}

/** A duration that a timer can measure. */
export function timeout(leastMs = 0): Kind<number, Duration> {
  return duration(leastMs, MAX_TIMER_MS);
}

export const flag = value<boolean>('true or false', (given) => typeof given === 'boolean');
export const text = like('a text that is not empty', /./s);

export function oneOf<const T extends string>(...names: readonly T[]): Kind<T> {
  const quoted = names.map((name) => `"${name}"`).join(', ');
  return value<T>(`one of ${quoted}`, (given) => (names as readonly unknown[]).includes(given));
}

/** One value that `fits` accepts, or a list of at least one. */
export function oneOrMany(expected: string, fits: (value: unknown) => boolean): Kind<string | readonly string[]> {
  return value(`${expected}, or a list of them`, (given) =>
    Array.isArray(given) ? given.length > 0 && given.every(fits) : fits(given),
  );
}

export function list<Got, Given>(element: Kind<Got, Given>, least: 0 | 1 = 0): Kind<readonly Got[], readonly Given[]> {
  return new Kind<readonly Got[], readonly Given[]>({
    element,
    expected: least === 0 ? 'a list' : 'a list of at least one',
    fits: (given) => Array.isArray(given) && given.length >= least,
    // `map` would pass over the holes of a list.
    convert: (given, tell) => Array.from(given as readonly unknown[], (one, at) => element.read(one, below(tell, at))),
  });
}

/** Values by name; `name` is the kind of the names. */
export function table<Got, Given>(
  name: Kind<string>,
  element: Kind<Got, Given>,
): Kind<{ readonly [name: string]: Got }, { readonly [name: string]: Given }> {
  return new Kind<{ readonly [name: string]: Got }, { readonly [name: string]: Given }>({
    element,
    expected: AN_OBJECT,
    fits: isRecord,
    convert: (given, tell) => {
      const read = ([key, one]: [string, unknown]) => {
        const at = below(tell, key);
        return [name.read(key, at), name.isMeant(key) ? element.read(one, at) : undefined];
      };
      return Object.fromEntries(Object.entries(given as UnknownRecord).map(read)) as Readonly<Record<string, Got>>;
    },
  });
}

const AN_OBJECT = 'an object';

/** The first of the kinds whose form the value is meant to have. */
export function either<const Kinds extends readonly Kind<unknown, unknown>[]>(
  expected: string,
  ...choices: Kinds
): Kind<GotOf<Kinds[number]>, GivenOf<Kinds[number]>> {
  const meant = (given: unknown) => choices.find((one) => one.isMeant(given));
  return new Kind<GotOf<Kinds[number]>, GivenOf<Kinds[number]>>({
    choices,
    expected,
    fits: (given) => meant(given) !== undefined,
    convert: (given, tell) => meant(given)?.read(given, tell) as GotOf<Kinds[number]>,
  });
}

/** An object with these keys and no others. `elsewhere`: keys that another platform has, with what is expected here. */
export function section<S extends Shape>(
  shape: S,
  elsewhere: Readonly<Record<string, string>> = {},
): Kind<SectionGot<S>, SectionGiven<S>> {
  const known = Object.keys(shape).filter((key) => !Object.hasOwn(elsewhere, key));
  const convert = (given: unknown, tell: Tell) => {
    const got: Record<string, unknown> = {};
    for (const [key, kind] of Object.entries(shape)) {
      const read = kind.read(known.includes(key) ? (given as UnknownRecord)[key] : undefined, below(tell, key));
      if (read !== undefined) got[kind.form.isDuration === true ? `${key}Ms` : key] = read;
    }
    for (const [key, one] of Object.entries(given as UnknownRecord)) {
      if (known.includes(key)) continue;
      const reason = Object.hasOwn(elsewhere, key) ? elsewhere[key] : undefined;
      if (reason === undefined) tell(unknownKey(key, known), [key]);
      else if (one !== undefined) tell(`expected ${reason}, got ${shown(one)}`, [key]);
    }
    return got as SectionGot<S>;
  };
  const needsNone = Object.values(shape).every(({ isRequired }) => !isRequired);
  const isMeant = (given: unknown) => isRecord(given) && (needsNone || known.some((key) => Object.hasOwn(given, key)));
  return new Kind<SectionGot<S>, SectionGiven<S>>({ shape, expected: AN_OBJECT, fits: isRecord, convert, isMeant });
}

function unknownKey(key: string, known: readonly string[]): string {
  return withoutUnit(key, known) ?? `unknown key${hint(key, known) || `; expected one of ${known.join(', ')}`}`;
}

/** For what is inside a value. */
export function below(tell: Tell, key: string | number): Tell {
  return (problem, path) => tell(problem, [key, ...path]);
}

/** Tells where not exactly one of the keys is given. */
export function exactlyOne(given: UnknownRecord, keys: readonly string[], tell: Tell): void {
  const got = keys.filter((key) => given[key] !== undefined && given[key] !== false);
  if (got.length !== 1) tell(`expected exactly one of ${keys.join(', ')}, got ${got.join(' and ') || 'none'}`, []);
}

/** What `read` gives; throws one E_CONFIG that names every problem which it tells of. `source`: the configuration's name there. */
export function readWhole<Got>(source: string, read: (tell: Tell) => Got): Got {
  const problems: string[] = [];
  const got = read((problem, path) => {
    problems.push(lineOf(problem, path));
  });
  if (problems.length > 0) throw refused(source, problems);
  return got;
}

function lineOf(problem: string, path: Path): string {
  return `${path.length === 0 ? 'configuration' : pathText(path)}: ${problem}`;
}

/** `routes[0].match.host`; a key that is no identifier stands in brackets. */
function pathText(path: Path): string {
  let text = '';
  for (const part of path) {
    if (typeof part === 'number') text += `[${part}]`;
    else if (/^[\w$-]+$/.test(part)) text += text === '' ? part : `.${part}`;
    else text += `[${JSON.stringify(part)}]`;
  }
  return text;
}

/** An error that names every problem. */
export function refused(source: string, problems: readonly string[]): TidegateError {
  const count = problems.length === 1 ? 'one problem' : `${problems.length} problems`;
  return new TidegateError('E_CONFIG', [`${source} has ${count}:`, ...problems].join('\n  '));
}
