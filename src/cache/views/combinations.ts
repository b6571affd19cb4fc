// The combinations of a view's parameters, and the one that a reader asks for. A reader may give a value as text, since a query
// has nothing else: so no two values of a parameter may have one text.

import { expected, shown, TidegateError } from '../../errors.ts';
import { unknownName } from '../../options/kit.ts';

export type Parameter = string | number | boolean;
export type Parameters = { readonly [name: string]: Parameter };
/** The declared parameters of a view. */
export type Declared = { readonly [name: string]: readonly Parameter[] | 'text' | 'number' };

/** Each is computed ahead and kept, so there must not be too many. */
const MAX_COMBINATIONS = 1_000;
const MAX_TEXT = 200;

/** In the order of the declared values; empty where a parameter takes any value. Throws E_CONFIG. */
export function combinationsOf(view: string, declared: Declared): readonly Parameters[] {
  let all: Parameters[] = [{}];
  for (const [name, values] of Object.entries(declared)) {
    const what = `params.${name} of the view ${view}`;
    if (!/^\w{1,64}$/.test(name)) expected('E_CONFIG', `a name of 1 to 64 letters for a parameter of ${view}`, name);
    if (values === 'text' || values === 'number') all = [];
    else all = extended(all, name, checkedValues(what, values));
    if (all.length > MAX_COMBINATIONS) {
      expected(
        'E_CONFIG',
        `at most ${MAX_COMBINATIONS} combinations of the parameters of the view ${view}`,
        all.length,
      );
    }
  }
  return all;
}

function extended(all: readonly Parameters[], name: string, values: readonly Parameter[]): Parameters[] {
  return all.flatMap((one) => values.map((value) => ({ ...one, [name]: value })));
}

function checkedValues(what: string, values: unknown): readonly Parameter[] {
  if (!Array.isArray(values) || values.length === 0) {
    return expected('E_CONFIG', `${what} to be a list of values, 'text' or 'number'`, values);
  }
  const other = values.find((value: unknown) => !isParameter(value));
  if (other !== undefined) expected('E_CONFIG', `${what} to be texts, numbers, true or false`, other);
  const twice = values.find((value, at) => values.findIndex((one) => String(one) === String(value)) !== at);
  if (twice !== undefined) expected('E_CONFIG', `each of ${what} once, as text too`, twice);
  return values;
}

function isParameter(value: unknown): value is Parameter {
  if (typeof value === 'string') return value.length <= MAX_TEXT && value.isWellFormed();
  return typeof value === 'boolean' || (typeof value === 'number' && Number.isFinite(value));
}

/** The combination that is asked for. Throws E_VIEW. */
export function combinationOf(view: string, declared: Declared, given: unknown = {}): Parameters {
  if (typeof given !== 'object' || given === null) refuse(`an object of parameters for the view ${view}`, given);
  const named = given as Readonly<Record<string, unknown>>;
  const names = Object.keys(declared);
  for (const name of Object.keys(named)) {
    if (names.includes(name) || named[name] === undefined) continue;
    const known = names.length === 0 ? 'none' : names.join(', ');
    throw new TidegateError('E_VIEW', unknownName(`a parameter of the view ${view}: ${known}`, name, names).message);
  }
  return Object.fromEntries(
    names.map((name) => [name, givenValue(`${name} of the view ${view}`, declared[name], named[name])]),
  );
}

function givenValue(what: string, declared: Declared[string] | undefined, given: unknown): Parameter {
  if (declared === 'text') {
    const fits = typeof given === 'string' && given !== '' && isParameter(given);
    return fits ? given : refuse(`${what} to be a text of 1 to ${MAX_TEXT} characters`, given);
  }
  if (declared === 'number') {
    const number = typeof given === 'string' && given.trim() !== '' ? Number(given) : given;
    // `+ 0`: -0 is 0.
    return typeof number === 'number' && Number.isFinite(number) ? number + 0 : refuse(`${what} to be a number`, given);
  }
  const values = declared ?? [];
  const found = values.find((value) => value === given || (typeof given === 'string' && String(value) === given));
  return found ?? refuse(`${what} to be one of ${values.map(shown).join(', ')}`, given);
}

function refuse(what: string, got: unknown): never {
  return expected('E_VIEW', what, got);
}

/** The key of a combination: `view:trending:window=1h&limit=10`. Different combinations have different keys. */
export function combinationKey(view: string, params: Parameters): string {
  const parts = Object.entries(params).map(([name, value]) => `${name}=${encodeURIComponent(String(value))}`);
  return `view:${view}:${parts.join('&')}`;
}
