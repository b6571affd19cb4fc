// The parts of a request target that count. The text made here is both forwarded and used in the cache key, so two
// requests with one key cannot differ in what the origin sees.
//
// Origins decode parameter names, and a dropped name must be gone however it is spelt; names are therefore compared
// decoded, while the kept part of the query is left as it is.

import { normalTarget } from '../../semantics/target.ts';
import type { QueryRule, RequestRules } from '../site.ts';

/** The target (path and query) with its query parameters kept, dropped and ordered as the rules say. */
export function normaliseTarget(target: string, rules: Pick<RequestRules, 'query' | 'sortQuery'>): string {
  const { query, sortQuery } = rules;
  const normal = normalTarget(target);
  const mark = normal.indexOf('?');
  if (mark < 0 || (query.kind === 'all' && !sortQuery)) return normal;
  const path = normal.slice(0, mark);
  const parameters: Parameter[] = [];
  // `;` separates nothing (WHATWG URL, application/x-www-form-urlencoded). Empty parameters have no meaning and are
  // dropped.
  for (const text of normal.slice(mark + 1).split('&')) {
    if (text === '') continue;
    const name = parameterName(text);
    if (stays(name, query)) parameters.push({ name, text });
  }
  if (sortQuery) parameters.sort(byName);
  return parameters.length === 0 ? path : `${path}?${parameters.map(({ text }) => text).join('&')}`;
}

interface Parameter {
  /** Decoded name. */
  readonly name: string;
  /** Name and value as they came. */
  readonly text: string;
}

function stays(name: string, rule: QueryRule): boolean {
  if (rule.kind === 'all') return true;
  return rule.names.has(name) === (rule.kind === 'keep');
}

/** In code units, so that the order is the same everywhere; the sort is stable, so equal names keep their order. */
function byName(one: Parameter, other: Parameter): number {
  if (one.name === other.name) return 0;
  return one.name < other.name ? -1 : 1;
}

/**
 * The decoded name of a parameter: `+` is a space, `%` with two hexadecimal digits a byte of UTF-8, any other `%`
 * itself. Bytes that are not UTF-8 become U+FFFD; this makes two such names equal, but only a rule that names U+FFFD
 * notices.
 */
function parameterName(parameter: string): string {
  const end = parameter.indexOf('=');
  const raw = end < 0 ? parameter : parameter.slice(0, end);
  if (!/[%+\u0080-\uffff]/.test(raw)) return raw;
  const bytes = Buffer.from(raw.replaceAll('+', ' '), 'utf8').toString('latin1');
  const decoded = bytes.replace(/%([0-9a-f]{2})/gi, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
  return Buffer.from(decoded, 'latin1').toString('utf8');
}

/** Normalises the target of a whole URI: everything after its authority. */
export function normaliseUri(uri: string, rules: Parameters<typeof normaliseTarget>[1]): string {
  const pathAt = uri.indexOf('/', uri.indexOf('//') + 2);
  return pathAt < 0 ? uri : uri.slice(0, pathAt) + normaliseTarget(uri.slice(pathAt), rules);
}
