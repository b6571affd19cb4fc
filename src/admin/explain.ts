// The part of the admin API that shows stored responses: `GET /entries` lists them, `GET /explain` says why a URL is
// answered from the cache or not.
//
// A variant's key holds the values of the selecting header fields, so those of credentials are hidden.

import type { EntrySummary, Explanation, ListPage } from '../engine/contract.ts';
import { tagForms } from '../entry/selectors.ts';
import { parseUri, prefixForms } from '../entry/uri-forms.ts';
import { expected } from '../errors.ts';
import type { Eventually } from '../ports.ts';
import { type Fields, trimOws } from '../semantics/fields.ts';
import { AdminRefusal, type CoreDeps } from './contract.ts';

export const LIST_KEYS = ['prefix', 'tag', 'tier', 'after', 'limit'] as const;

export async function listEntries({ gate }: ExplainDeps, query: URLSearchParams): Promise<ListPage> {
  const [prefix, tag, tier, after, limit] = LIST_KEYS.map((key) => query.get(key));
  const page = await gate.list({
    ...(tier != null && { tier }),
    ...(prefix != null && { prefix: prefixForms(prefix)[0] as string }),
    ...(tag != null && { tag: tagForms(tag)[0] as string }),
    ...(after != null && { after }),
    ...(limit != null && { limit: parseLimit(limit) }),
  });
  return { ...page, entries: page.entries.map(withoutSecrets) };
}

function parseLimit(text: string): number {
  const limit = Number(text);
  return /^[0-9]{1,4}$/.test(text) && limit >= 1 && limit <= 1000
    ? limit
    : expected('E_SELECTOR', 'a limit of 1 to 1000', text);
}

/** The dependencies that a gate can tell of. */
export interface Dependencies {
  /** Those of the entry. */
  of(explanation: Explanation): Eventually<object>;
  /** The answer to `GET /deps`. */
  asked(query: URLSearchParams): Eventually<object>;
}

/** Why the URL is, or is not, answered from the cache; with `deps=1` also the dependencies of its entry. */
export async function explain(deps: ExplainDeps, query: URLSearchParams, dependencies: Dependencies): Promise<object> {
  const explanation = await explained(deps, query);
  const shown = shownOf(explanation);
  const wantsDeps = query.get('deps') ?? '0';
  if (wantsDeps === '0') return shown;
  if (wantsDeps !== '1') return expected('E_SELECTOR', 'deps=1', wantsDeps);
  return { ...shown, dependencies: await dependencies.of(explanation) };
}

/** The sentence that says so, with the last refusal. Undefined where an entry is stored. */
export function nothingStored({ entry, lastRefusal }: Explanation): string | undefined {
  if (entry !== undefined) return undefined;
  return `Nothing is stored.${lastRefusal === undefined ? '' : ` The last answer was refused: ${lastRefusal.reason}`}`;
}

/** For an operator: without secrets. */
function shownOf(explanation: Explanation): object {
  const { variantKey, entry } = explanation;
  return {
    ...explanation,
    ...(variantKey !== undefined && { variantKey: redactKey(variantKey) }),
    ...(entry !== undefined && { entry: withoutSecrets(entry) }),
  };
}

type ExplainDeps = Pick<CoreDeps, 'gate' | 'explainRequest'>;

export async function explained({ gate, explainRequest }: ExplainDeps, query: URLSearchParams): Promise<Explanation> {
  const method = query.get('method') ?? 'GET';
  const request = explainRequest({ method, ...askedIn(query) });
  return request === undefined ? noRoute(query.get('url')) : gate.explain(request);
}

/** The request that a query is about. */
export function askedIn(query: URLSearchParams): { readonly uri: string; readonly fields: Fields } {
  const uri = parseUri(query.get('url') ?? expected('E_SELECTOR', 'the query key url', undefined));
  return { uri, fields: query.getAll('header').flatMap(parseField) };
}

export function noRoute(url: string | null): never {
  throw new AdminRefusal(404, `expected a URL that a route takes, got ${url}`);
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

/** Of fields by whose names they may be secret. */
const SECRET_FIELD = /\n([^:\n]*(?:auth|cookie|token|key|secret|session|signature|password)[^:\n]*):[^\n]*/g;

function redactKey(key: string): string {
  return key.replace(SECRET_FIELD, '\n$1:(redacted)');
}

export function withoutSecrets(entry: EntrySummary): EntrySummary {
  return { ...entry, key: redactKey(entry.key) };
}
