// What a request prefers (RFC 9110 §12.5): Accept, Accept-Charset, Accept-Encoding and Accept-Language, each in one normal form, or as
// the one value of the operator's list that suits it best. The same value selects the variant and is forwarded: so equal keys are
// equal requests, whatever an origin makes of order or spelling.
//
// The normal form changes nothing that has a meaning. Order has none where weights are equal (RFC 9110 §12.5.1), yet many
// origins take the first: it stays as the client has it.

import { type Fields, fieldLines, filterFields, listMembers, trimOws, withField } from './fields.ts';

/** Of each field the values that answers differ by, as the origin knows them. Default: what the client says counts. */
export interface VariantLists {
  readonly accept?: readonly string[] | undefined;
  readonly acceptEncoding?: readonly string[] | undefined;
  readonly acceptLanguage?: readonly string[] | undefined;
}

/** The field of each list. */
export const LISTED = {
  accept: 'accept',
  acceptEncoding: 'accept-encoding',
  acceptLanguage: 'accept-language',
} as const;

interface Preference {
  readonly range: string;
  readonly weight: number;
}

/** A longer list is left as it is. */
const MAX_MEMBERS = 64;
/** Each kind of client sends values of its own. */
const MAX_REMEMBERED = 256;
const MAX_REMEMBERED_CHARS = 256;

/** The preferences of the requests of one route. */
export class Preferences {
  /** Fields of which the normal value counts, in lower case. */
  readonly #names: readonly string[];
  readonly #lists: ReadonlyMap<string, readonly string[]>;
  readonly #remembered = new Map<string, string | undefined>();

  /** `byRule`: fields without a list are put in the normal form. */
  constructor(byRule: boolean, lists: VariantLists = {}) {
    const stated = Object.entries(LISTED).map(([key, name]) => [name, lists[key as keyof VariantLists]] as const);
    this.#lists = new Map(stated.flatMap(([name, list]) => (list === undefined ? [] : [[name, list]])));
    this.#names = byRule ? Object.keys(SYNTAX) : [...this.#lists.keys()];
  }

  /** Whether the normal value of the field counts. */
  takes(name: string): boolean {
    return this.#names.includes(name);
  }

  /** The value that selects and is forwarded. Undefined: the field is absent, or none of its list suits the request. */
  normal(name: string, value: string | undefined): string | undefined {
    const list = this.#lists.get(name);
    if (value === undefined || value.length > MAX_REMEMBERED_CHARS) return normalValue(name, value, list);
    const text = `${name}:${value}`;
    const known = this.#remembered.get(text);
    if (known !== undefined || this.#remembered.has(text)) return known;
    const normal = normalValue(name, value, list);
    if (this.#remembered.size >= MAX_REMEMBERED) this.#remembered.clear();
    this.#remembered.set(text, normal);
    return normal;
  }

  /** The fields as they are forwarded: each of these in one line, of its normal value. */
  forwarded(fields: Fields): Fields {
    let changed = fields;
    for (const name of this.#names) {
      const lines = fieldLines(fields, name);
      const normal = this.normal(name, lines.length === 0 ? undefined : lines.join(', '));
      if (lines.length <= 1 && lines[0] === normal) continue;
      changed = normal === undefined ? filterFields(changed, (one) => one !== name) : withField(changed, name, normal);
    }
    return changed;
  }
}

function normalValue(name: string, value: string | undefined, list: readonly string[] | undefined): string | undefined {
  if (list === undefined) return value === undefined ? undefined : normalForm(name, value);
  // As where the gate codes: who states no coding may know none, and an absent field would permit any (RFC 9110 §12.5.3).
  if (name === LISTED.acceptEncoding) return acceptedCodings(value, list)[0];
  if (value === undefined) return undefined;
  const stated = membersOf(name, value).flatMap((one) => one ?? []);
  return name === LISTED.acceptLanguage ? bestLanguage(stated, list) : bestType(stated, list);
}

/** A qvalue (RFC 9110 §12.4.2). */
const WEIGHT = '(?:;q=(0(?:\\.\\d{0,3})?|1(?:\\.0{0,3})?))?$';
const TOKEN = "[!#$%&'*+\\-.^_`|~0-9a-z]+";
const CODING = new RegExp(`^(${TOKEN})${WEIGHT}`, 'i');

/** A member of each field, without white space: its range, then its weight. */
const SYNTAX: { readonly [name: string]: RegExp } = {
  accept: new RegExp(`^(${TOKEN}/${TOKEN}(?:;(?!q=)${TOKEN}=${TOKEN})*)${WEIGHT}`, 'i'),
  'accept-charset': CODING,
  'accept-encoding': CODING,
  // More subtags than any language has (RFC 5646 §4.4.1): to look one up takes a step for each, and a look at its text.
  'accept-language': new RegExp(`^(\\*|[a-z]{1,8}(?:-[a-z0-9*]{1,8}){0,15})${WEIGHT}`, 'i'),
};

/** The members; undefined for one that is malformed. */
function membersOf(name: string, value: string): (Preference | undefined)[] {
  return listMembers(value)
    .slice(0, MAX_MEMBERS + 1)
    .map((member) => {
      const [, range, weight] = SYNTAX[name]?.exec(member.split(';').map(trimOws).join(';')) ?? [];
      return range === undefined ? undefined : { range: inOneCase(name, range), weight: Number(weight ?? 1) };
    });
}

/** Values of parameters of a media type are not caseless (RFC 9110 §8.3.1). */
function inOneCase(name: string, range: string): string {
  if (name === 'accept') return range.replace(/(^|;)[^;=]+/g, (part) => part.toLowerCase());
  return name === 'accept-language' ? inUsualCase(range) : range.toLowerCase();
}

/** As browsers write a language, and origins that compare it by its letters expect it: `zh-Hant-TW` (RFC 5646 §2.1.1). */
function inUsualCase(range: string): string {
  let isPrivate = false;
  const subtags = range.toLowerCase().split('-');
  const cased = subtags.map((subtag, at) => {
    const wasPrivate = isPrivate;
    isPrivate ||= subtag.length === 1 && subtag !== '*';
    if (at === 0 || wasPrivate) return subtag;
    if (subtag.length === 2) return subtag.toUpperCase();
    return subtag.length === 4 ? subtag.charAt(0).toUpperCase() + subtag.slice(1) : subtag;
  });
  return cased.join('-');
}

/** What the field says; undefined where it says nothing, or a member is malformed, or there are too many. */
export function statedPreferences(name: string, value: string): readonly Preference[] | undefined {
  const members = value.includes('"') ? [] : membersOf(name, value);
  const stated = members.flatMap((one) => one ?? []);
  return stated.length === 0 || stated.length < members.length || stated.length > MAX_MEMBERS ? undefined : stated;
}

/** A value that cannot be read, or that gives one range two weights, is left as it is. */
function normalForm(name: string, value: string): string {
  const stated = statedPreferences(name, value);
  if (stated === undefined) return trimOws(value);
  const weights = new Map(stated.map(({ range, weight }) => [range, weight]));
  if (stated.some(({ range, weight }) => weights.get(range) !== weight)) return trimOws(value);
  const wanted = stated.filter(({ weight }) => weight > 0);
  const refused = REFUSED[name] ?? (() => true);
  const said = stated.filter(({ range, weight }) => weight > 0 || refused(range, wanted));
  const kept = (said.length === 0 ? stated : said).toSorted((one, other) => other.weight - one.weight);
  return [...new Set(kept.map(({ range, weight }) => (weight === 1 ? range : `${range};q=${weight}`)))].join(',');
}

type Refusal = (range: string, wanted: readonly Preference[]) => boolean;

const isCodingRefused: Refusal = (range, wanted) =>
  range === '*' || range === 'identity' || wanted.some((one) => one.range === '*');

/** Whether it says anything to refuse the range: what no other range covers is not acceptable anyway. True in doubt. */
const REFUSED: { readonly [name: string]: Refusal } = {
  accept: (range, wanted) =>
    wanted.some((one) => one.range.startsWith('*/') || typeOf(one.range) === typeOf(range)) || range.startsWith('*/'),
  'accept-charset': isCodingRefused,
  'accept-encoding': isCodingRefused,
  'accept-language': (range, wanted) =>
    range.includes('*') ||
    wanted.some((one) => one.range.includes('*') || covers(one.range, range) || covers(range, one.range)),
};

function typeOf(range: string): string {
  return range.slice(0, range.indexOf('/'));
}

/** Basic filtering (RFC 4647 §3.3.1). */
function covers(range: string, tag: string): boolean {
  const [one, other] = [range.toLowerCase(), tag.toLowerCase()];
  return one === other || other.startsWith(`${one}-`);
}

/** Lookup (RFC 4647 §3.4): the first of the list that a range means, the ranges of most weight first. */
function bestLanguage(stated: readonly Preference[], list: readonly string[]): string | undefined {
  const named = stated.filter(({ range }) => !range.includes('*'));
  const most = (tag: string) =>
    named
      .filter(({ range }) => covers(range, tag))
      .reduce<Preference | undefined>(
        (best, one) => (best === undefined || one.range.length > best.range.length ? one : best),
        undefined,
      );
  const offered = list.filter((tag) => most(tag)?.weight !== 0);
  for (const { range, weight } of stated.toSorted((one, other) => other.weight - one.weight)) {
    if (weight === 0) return undefined;
    const found = range === '*' ? offered.find((tag) => most(tag) === undefined) : lookedUp(range, offered);
    if (found !== undefined) return found;
  }
  return undefined;
}

function lookedUp(range: string, offered: readonly string[]): string | undefined {
  const named = (wanted: string) => offered.find((tag) => tag.toLowerCase() === wanted.toLowerCase());
  // One that says more than the range suits it better than one that says less.
  let found = named(range) ?? offered.find((tag) => covers(range, tag));
  for (let shorter = range; found === undefined && shorter.includes('-'); found = named(shorter)) {
    shorter = shorter.replace(/(?:-[a-z0-9])?-[^-]*$/i, '');
  }
  return found;
}

interface Suited {
  readonly type: string;
  readonly weight: number;
  /** 2: the range names the type, 1: it is `type/*`, 0: it is any. */
  readonly exactness: number;
  readonly place: number;
}

/** The type of most weight; of equals the one that the client names most exactly, then first. Parameters count for nothing. */
function bestType(stated: readonly Preference[], list: readonly string[]): string | undefined {
  const suited = list.flatMap((type): Suited[] => {
    const found = stated.flatMap(({ range, weight }, place): Suited[] => {
      const exactness = exactnessOf(range.split(';', 1)[0] as string, type.toLowerCase());
      return exactness < 0 ? [] : [{ type, weight, exactness, place }];
    });
    const [best] = found.toSorted((one, other) => other.exactness - one.exactness || other.weight - one.weight);
    return best === undefined || best.weight === 0 ? [] : [best];
  });
  const [best] = suited.toSorted(
    (one, other) => other.weight - one.weight || other.exactness - one.exactness || one.place - other.place,
  );
  return best?.type;
}

function exactnessOf(range: string, type: string): number {
  if (range === type) return 2;
  if (range === '*/*') return 0;
  return range === `${typeOf(type)}/*` ? 1 : -1;
}

const IDENTITY_ONLY: readonly 'identity'[] = /* @__PURE__ */ Object.freeze(['identity']);

/**
 * The codings of `offered` that the request takes, and identity, the best first: by weight, then in the order of
 * `offered`, identity behind those of its weight. A request without the field may be from a client that knows no codings,
 * so it gets identity, though it would have to take any.
 */
export function acceptedCodings<Name extends string>(
  value: string | undefined,
  offered: readonly Name[],
): readonly (Name | 'identity')[] {
  if (value === undefined) return IDENTITY_ONLY;
  const weights = statedWeights(value);
  const any = weights.get('*');
  const ranked = offered
    .map((coding: Name | 'identity') => ({ coding, weight: weights.get(coding.toLowerCase()) ?? any ?? 0 }))
    .filter(({ weight }) => weight > 0);
  // Unstated, identity is acceptable but not preferred; stated as 0, it is the last resort.
  const identity = weights.get('identity') ?? any ?? Number.MIN_VALUE;
  if (identity > 0 || ranked.length === 0) ranked.push({ coding: 'identity', weight: identity });
  return ranked.sort((one, other) => other.weight - one.weight).map(({ coding }) => coding);
}

/**
 * Weights by coding. An unreadable weight counts as 0, and the lower of two weights for one coding counts: the client
 * gets no coding that it may not want.
 */
function statedWeights(value: string): ReadonlyMap<string, number> {
  const weights = new Map<string, number>();
  for (const member of listMembers(value.toLowerCase())) {
    const [name = '', ...rest] = member.split(';').map(trimOws);
    const [, , stated = 1] = CODING.exec([name, ...rest].join(';')) ?? [undefined, undefined, 0];
    const weight = Number(stated);
    // RFC 9110 §8.4.1.3
    const coding = name === 'x-gzip' ? 'gzip' : name;
    weights.set(coding, Math.min(weight, weights.get(coding) ?? 1));
  }
  return weights;
}
