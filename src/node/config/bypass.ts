// Path patterns and bypass rules, compiled once into plain tests.

import { normalGlob } from '../../entry/uri-forms.ts';
import { globMatcher } from '../../ledger/glob.ts';
import { type Fields, fieldLines } from '../../semantics/fields.ts';
import { normalPath } from '../../semantics/target.ts';
import type { RequestRules } from '../site.ts';
import type { BypassOutput } from './config-schema.ts';

type Bypass = RequestRules['bypass'];

const always = () => true;

/** The test of paths, in the form `normalPath` gives them, against any of the patterns; no patterns: any path. */
export function compilePaths(patterns: string | readonly string[] | undefined): (path: string) => boolean {
  if (patterns === undefined) return always;
  if (typeof patterns === 'string') return compilePath(patterns);
  const tests = patterns.map(compilePath);
  if (tests.length === 1) return tests[0]!;
  return (path) => {
    for (const test of tests) if (test(path)) return true;
    return false;
  };
}

/** Most patterns are a path or the beginning of one, for which no glob is needed. */
function compilePath(pattern: string): (path: string) => boolean {
  const matchable = normalGlob(pattern);
  const star = matchable.indexOf('*');
  if (!/[?\\]/.test(matchable)) {
    if (star < 0) return (path) => path === matchable;
    if (star === matchable.length - 1) {
      const beginning = matchable.slice(0, star);
      return (path) => path.startsWith(beginning);
    }
  }
  return globMatcher(matchable);
}

/** Compiles a test for requests that fulfil every condition of one of the rules. */
export function compileBypass(rules: readonly BypassOutput[]): Bypass {
  const tests = rules.map(compileRule);
  if (tests.length === 0) return () => false;
  return (method, path, fields) => {
    const matchable = normalPath(path);
    for (const test of tests) if (test(method, matchable, fields)) return true;
    return false;
  };
}

function compileRule(rule: BypassOutput): Bypass {
  const methods = rule.method === undefined ? undefined : new Set([rule.method].flat());
  const matchesPath = compilePaths(rule.path);
  const matchesFields = [compileField(rule.header), compileCookie(rule.cookie)].filter((test) => test !== undefined);
  return (method, path, fields) =>
    (methods === undefined || methods.has(method)) && matchesPath(path) && matchesFields.every((test) => test(fields));
}

type FieldTest = (fields: Fields) => boolean;

function compileField(condition: BypassOutput['header']): FieldTest | undefined {
  if (condition === undefined) return undefined;
  const { name, matches } = compileNamed(condition);
  const field = name.toLowerCase();
  return (fields) => fieldLines(fields, field).some(matches);
}

/** Cookies stand as `name=value` between semicolons (RFC 6265 §4.2.1). */
function compileCookie(condition: BypassOutput['cookie']): FieldTest | undefined {
  if (condition === undefined) return undefined;
  const { name, matches } = compileNamed(condition);
  return (fields) =>
    fieldLines(fields, 'cookie').some((line) =>
      line.split(';').some((pair) => {
        const equals = pair.indexOf('=');
        return equals >= 0 && pair.slice(0, equals).trim() === name && matches(pair.slice(equals + 1).trim());
      }),
    );
}

function compileNamed(condition: string | { readonly name: string; readonly value: string }) {
  if (typeof condition === 'string') return { name: condition, matches: always };
  return { name: condition.name, matches: globMatcher(condition.value) };
}
