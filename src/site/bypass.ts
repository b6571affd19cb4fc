// The rules of a route that send requests past the cache, compiled once into plain tests.

import { normalPath } from '../entry/key.ts';
import type { PathRules } from '../entry/path-readings.ts';
import { globMatcher } from '../ledger/glob.ts';
import { type Fields, fieldLines } from '../semantics/fields.ts';
import { anyReading, compilePaths } from './path-tests.ts';
import type { BypassRuleConfig } from './route-types.ts';

type Bypass = (method: string, path: string, fields: Fields) => boolean;

const always = () => true;

/** Compiles a test for requests that fulfil every condition of one of the rules. */
export function compileBypass(rules: readonly BypassRuleConfig[], paths: PathRules): Bypass {
  const tests = rules.map((rule) => compileRule(rule, paths));
  if (tests.length === 0) return () => false;
  return (method, path, fields) => {
    const matchable = normalPath(path);
    for (const test of tests) if (test(method, matchable, fields)) return true;
    return false;
  };
}

function compileRule(rule: BypassRuleConfig, paths: PathRules): Bypass {
  const methods = rule.method === undefined ? undefined : new Set([rule.method].flat());
  // RFC 9110 §9.3.2: a HEAD is answered from what a GET has stored.
  if (methods?.has('GET')) methods.add('HEAD');
  const matchesPath = rule.path === undefined ? always : anyReading(compilePaths(rule.path), paths);
  const matchesFields = [compileField(rule.header), compileCookie(rule.cookie)].filter((test) => test !== undefined);
  return (method, path, fields) =>
    (methods === undefined || methods.has(method)) && matchesPath(path) && matchesFields.every((test) => test(fields));
}

type FieldTest = (fields: Fields) => boolean;

function compileField(condition: BypassRuleConfig['header']): FieldTest | undefined {
  if (condition === undefined) return undefined;
  const { name, matches } = compileNamed(condition);
  const field = name.toLowerCase();
  return (fields) => fieldLines(fields, field).some(matches);
}

/** Cookies stand as `name=value` between semicolons (RFC 6265 §4.2.1). */
function compileCookie(condition: BypassRuleConfig['cookie']): FieldTest | undefined {
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
