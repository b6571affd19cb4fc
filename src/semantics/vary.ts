// Selecting header fields (RFC 9111 §4.1): which of their values are alike, and choose one variant.
//
// Two values may be made equal only if the same is forwarded for both, or, in the conformance profile, if RFC 9110 lets an origin make
// no difference.

import { hasOpenQuote } from './cache-control.ts';
import { listMembers, trimOws } from './fields.ts';
import type { CachePolicy } from './policy.ts';
import { statedPreferences } from './preferences.ts';

/** Makes values of a request field equal that select the same variant: undefined, as absent. `name` is in lower case, lines are combined. */
export function normaliserFor({
  preferences,
  normaliseVary,
}: Pick<CachePolicy, 'preferences' | 'normaliseVary'>): (
  name: string,
  value: string | undefined,
) => string | undefined {
  const other = normaliseVary === 'language-preference' ? normaliseLanguagePreference : trimValue;
  return (name, value) => {
    if (!preferences.takes(name)) return value === undefined ? undefined : other(name, value);
    const forwarded = preferences.normal(name, value);
    // The space tells it from a value that an older version noted, which is not what it had forwarded.
    return forwarded === undefined ? undefined : ` ${forwarded}`;
  };
}

/** The syntax of the field is unknown, and only values known to be equivalent may match (RFC 9111 §4.1). */
const trimValue = (_name: string, value: string) => trimOws(value);

/**
 * Lists of tokens that are compared without regard to case: content codings (RFC 9110 §8.4.1), language ranges
 * (RFC 4647 §2), character sets (RFC 9110 §8.3.2).
 */
const CASELESS: ReadonlySet<string> = new Set(['accept-encoding', 'accept-language', 'accept-charset']);

function normaliseSpaceAndCase(name: string, value: string): string {
  if (hasOpenQuote(value)) return trimOws(value);
  if (CASELESS.has(name))
    return listMembers(value)
      .map((one) => withoutSpaceAtSemicolons(one).toLowerCase())
      .join(',');
  return listMembers(value).map(normaliseMediaRange).join(',');
}

function withoutSpaceAtSemicolons(member: string): string {
  return member.split(';').map(trimOws).join(';');
}

/** Type, subtype and parameter names are caseless, parameter values need not be (RFC 9110 §8.3.1). */
function normaliseMediaRange(range: string): string {
  // A quoted value may hold anything; such a range is rare, and costs only one more variant.
  if (range.includes('"')) return range;
  return withoutSpaceAtSemicolons(range)
    .split(';')
    .map((part) => {
      const equals = part.indexOf('=');
      return equals < 0 ? part.toLowerCase() : part.slice(0, equals).toLowerCase() + part.slice(equals);
    })
    .join(';');
}

/** No lists; white space in them is part of a secret, or may change the origin's answer. */
const CREDENTIALS: ReadonlySet<string> = new Set(['authorization', 'cookie']);

const LISTS: ReadonlySet<string> = new Set([...CASELESS, 'accept']);

/** Treats a field as a list: white space at commas is no part of a member. A list with an empty member may be no list. */
function normaliseList(value: string): string {
  const members = value.split(',').map(trimOws);
  return hasOpenQuote(value) || value.includes('"') || members.includes('') ? trimOws(value) : members.join(',');
}

/**
 * Takes unknown fields for lists, as the public suite asks (vary-normalise-space). Also orders Accept-Language by weight and then by name: order means nothing where weights are equal (RFC 9110
 * §12.5.4). Many origins take the first of equals nevertheless, so a route has to ask for this.
 */
function normaliseLanguagePreference(name: string, value: string): string {
  if (CREDENTIALS.has(name)) return trimOws(value);
  if (name !== 'accept-language') return LISTS.has(name) ? normaliseSpaceAndCase(name, value) : normaliseList(value);
  const ranges = statedPreferences(name, value);
  if (ranges === undefined) return normaliseSpaceAndCase(name, value);
  const sorted = ranges.toSorted((a, b) => b.weight - a.weight || (a.range < b.range ? -1 : a.range > b.range ? 1 : 0));
  const texts = sorted.map(({ range, weight }) => (weight === 1 ? range : `${range};q=${weight}`));
  return [...new Set(texts)].join(',');
}

/**
 * Whether the stored Content-Language is the request's first preference, so that no other variant could suit it
 * better (RFC 9110 §12.5.4). For a request that differs from the stored one in Accept-Language only. Never true on a
 * tie, for a wildcard, or for a representation in several languages.
 */
export function languageSelects(acceptLanguage: string | undefined, contentLanguage: string | undefined): boolean {
  const languages = listMembers(contentLanguage);
  if (acceptLanguage === undefined || languages.length !== 1) return false;
  const ranges = statedPreferences('accept-language', acceptLanguage);
  if (ranges === undefined) return false;
  const topWeight = Math.max(...ranges.map(({ weight }) => weight));
  const top = ranges.filter(({ weight }) => weight === topWeight);
  return topWeight > 0 && top.length === 1 && top[0]?.range.toLowerCase() === languages[0]?.toLowerCase();
}
