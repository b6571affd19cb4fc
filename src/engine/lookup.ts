// Which stored response a request selects (RFC 9111 §4, §4.1).

import { decodeHead } from '../entry/codec.ts';
import type { Entry, StoredResponse, VariantList } from '../entry/stored-response.ts';
import type { Eventually } from '../ports.ts';
import { fieldValue } from '../semantics/fields.ts';
import type { ForwardReason } from '../semantics/outcome.ts';
import { languageSelects } from '../semantics/vary.ts';
import type { GateRequest } from './contract.ts';
import { requestVariantKey } from './draft.ts';
import type { Tiers } from './tiers.ts';

export interface Selection {
  /** Key of the variant the request selects, as far as the selecting fields are known. */
  readonly key: string;
  readonly entry: StoredResponse | undefined;
  /** Why there is no entry. */
  readonly miss: ForwardReason | undefined;
}

/** Finds what is stored for the request; at once as long as the tiers answer at once. */
export function select(tiers: Tiers, key: string, request: GateRequest): Eventually<Selection> {
  const found = tiers.get(key);
  if (found instanceof Promise) return found.then((entry) => selectVariant(tiers, { key, found: entry }, request));
  return selectVariant(tiers, { key, found }, request);
}

function selectVariant(
  tiers: Tiers,
  { key, found }: { key: string; found: Entry | undefined },
  request: GateRequest,
): Eventually<Selection> {
  if (found === undefined) return { key, entry: undefined, miss: 'uri-miss' };
  if (found.kind === 'response') return { key, entry: found, miss: undefined };
  const variantKey = requestVariantKey(key, found.names, request);
  const variant = tiers.get(variantKey);
  if (variant instanceof Promise) return variant.then((entry) => variantSelection(variantKey, entry));
  return variantSelection(variantKey, variant ?? inPreferredLanguage(tiers, { list: found, variantKey }, request));
}

function variantSelection(key: string, entry: Entry | undefined): Selection {
  if (entry?.kind === 'response') return { key, entry, miss: undefined };
  return { key, entry: undefined, miss: 'vary-miss' };
}

/**
 * Another variant that is in the very language the request prefers, all else being equal (RFC 9111 §4.1). Looks only
 * where the answer is there at once.
 */
function inPreferredLanguage(
  tiers: Tiers,
  wanted: { readonly list: VariantList; readonly variantKey: string },
  request: GateRequest,
): Entry | undefined {
  const { list, variantKey } = wanted;
  if (request.route.policy.normaliseVary !== 'language-preference' || !list.names.includes(LANGUAGE)) return undefined;
  const preferred = fieldValue(request.fields, LANGUAGE);
  for (const otherKey of list.variantKeys) {
    if (withoutLanguage(otherKey) !== withoutLanguage(variantKey)) continue;
    const other = tiers.get(otherKey);
    if (other === undefined || other instanceof Promise || other.kind !== 'response') continue;
    const language = fieldValue(decodeHead(other.bytes, other.headBytes), 'content-language');
    if (languageSelects(preferred, language)) return other;
  }
  return undefined;
}

const LANGUAGE = 'accept-language';

function withoutLanguage(variantKey: string): string {
  const lines = variantKey.split('\n');
  return lines.filter((line) => line !== LANGUAGE && !line.startsWith(`${LANGUAGE}:`)).join('\n');
}
