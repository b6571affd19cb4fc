// The part of the admin API that lists and explains stored responses.
//
// A variant's key holds the values of the selecting header fields, so those of credentials are hidden.

import type { EntrySummary, Explanation, ListPage, ListQuery } from '../engine/contract.ts';
import { tagForms } from '../entry/selectors.ts';
import { parseUri, prefixForms } from '../entry/uri-forms.ts';
import { expected } from '../errors.ts';
import { trimOws } from '../semantics/fields.ts';
import { type AdminDeps, AdminRefusal } from './contract.ts';

export const LIST_KEYS = ['prefix', 'tag', 'tier', 'after', 'limit'] as const;

export async function listEntries({ gate }: AdminDeps, query: URLSearchParams): Promise<ListPage> {
  const page = await gate.list(listQuery(query));
  return { ...page, entries: page.entries.map(withoutSecrets) };
}

function listQuery(query: URLSearchParams): ListQuery {
  const [prefix, tag, tier, after, limit] = LIST_KEYS.map((key) => query.get(key));
  return {
    ...(tier != null && { tier }),
    ...(prefix != null && { prefix: prefixForms(prefix)[0] as string }),
    ...(tag != null && { tag: tagForms(tag)[0] as string }),
    ...(after != null && { after }),
    ...(limit != null && { limit: parseLimit(limit) }),
  };
}

function parseLimit(text: string): number {
  const limit = Number(text);
  return /^[0-9]{1,4}$/.test(text) && limit >= 1 && limit <= 1000
    ? limit
    : expected('E_SELECTOR', 'a limit of 1 to 1000', text);
}

/** The explanation as operators see it. */
export function shownExplanation(explanation: Explanation): Explanation {
  const { variantKey, entry } = explanation;
  return {
    ...explanation,
    ...(variantKey !== undefined && { variantKey: redactKey(variantKey) }),
    ...(entry !== undefined && { entry: withoutSecrets(entry) }),
  };
}

/** Explains what a request for the URL of the query would get. */
export async function explained(
  deps: Pick<AdminDeps, 'gate' | 'explainRequest'>,
  query: URLSearchParams,
): Promise<Explanation> {
  const url = query.get('url');
  const uri = parseUri(url ?? expected('E_SELECTOR', 'the query key url', undefined));
  const method = query.get('method') ?? 'GET';
  const fields = query.getAll('header').flatMap(parseField);
  const request = deps.explainRequest({ method, uri, fields });
  if (request === undefined) throw new AdminRefusal(404, `expected a URL that a route takes, got ${url}`);
  return deps.gate.explain(request);
}

function parseField(line: string): [string, string] {
  const colon = line.indexOf(':');
  const name = line.slice(0, Math.max(colon, 0)).toLowerCase();
  const value = trimOws(line.slice(colon + 1));
  const isField = /^[!#$%&'*+.^_`|~0-9a-z-]+$/.test(name) && /^[\t -~\u0080-\u00ff]*$/.test(value);
  if (name === 'host') return expected('E_SELECTOR', 'no header Host, since the URL names the host', line);
  // The value may be a secret, so an error repeats only the name.
  return isField ? [name, value] : expected('E_SELECTOR', 'a header as "Name: value"', colon < 0 ? line : `${name}: …`);
}

const SECRET_FIELD = /\n(authorization|proxy-authorization|cookie|set-cookie):[^\n]*/g;

function redactKey(key: string): string {
  return key.replace(SECRET_FIELD, '\n$1:(redacted)');
}

function withoutSecrets(entry: EntrySummary): EntrySummary {
  return { ...entry, key: redactKey(entry.key) };
}
