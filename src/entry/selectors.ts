// The one parser of selections that operators and programs write: for the admin API, the command line, handlers behind
// a cache, data caches, and through them for trackers.
//
// A selector that can never match is worse than a refused one: its author believes that it took effect. So text that
// cannot stand in a key or a tag is an error here, and text with more than one form in keys becomes several selectors.

import { expected } from '../errors.ts';
import type { Selector } from '../ledger/selector.ts';
import { trimOws } from '../semantics/fields.ts';
import { MAX_TAG_LENGTH } from '../semantics/invalidation.ts';
import { isKeyable } from './key.ts';
import { parseUri, patternForms, prefixForms } from './uri-forms.ts';

/** The form of a member: a text, a list of texts, either of them, only true, or a boolean. */
type MemberForm = 'text' | 'list' | 'texts' | 'true' | 'flag';

export type Members = Readonly<Record<string, MemberForm>>;

/** Entries to invalidate or purge: all that match any of the members. At least one member. */
export interface ResponseSelection {
  /** A whole URL, as a client asks for it. */
  readonly url?: string;
  readonly urls?: readonly string[];
  readonly tag?: string;
  readonly tags?: readonly string[];
  /** Every URL that begins with this text, or with one of these texts. */
  readonly prefix?: string | readonly string[];
  /** Globs over whole URLs: `*` for any characters, `?` for one. */
  readonly pattern?: string | readonly string[];
  /** Everything. */
  readonly all?: true;
}

/** The form of each member. */
export const RESPONSE_MEMBERS = {
  url: 'text',
  urls: 'list',
  tag: 'text',
  tags: 'list',
  prefix: 'texts',
  pattern: 'texts',
  all: 'true',
} as const satisfies Readonly<Record<keyof ResponseSelection, MemberForm>>;

/** One member of a selection with one text. */
export interface Named {
  readonly member: string;
  /** '' when the member has none. */
  readonly text: string;
}

/** Reads an object with any of the members, at least one; throws E_SELECTOR. */
export function readSelection(value: unknown, members: Members): readonly Named[] {
  const known = Object.keys(members).join(', ');
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    return expected('E_SELECTOR', `an object that names entries by ${known}`, value);
  }
  const named = Object.entries(value).flatMap(([member, given]) => {
    const form = Object.hasOwn(members, member) ? members[member] : expected('E_SELECTOR', `only ${known}`, member);
    return textsOf(given, member, form as MemberForm).map((text) => ({ member, text }));
  });
  return named.length > 0 ? named : expected('E_SELECTOR', `at least one of ${known}`, undefined);
}

function textsOf(given: unknown, member: string, form: MemberForm): readonly string[] {
  if (given === undefined) return [];
  switch (form) {
    case 'true':
      return given === true ? [''] : expected('E_SELECTOR', `{"${member}": true}`, given);
    case 'flag':
      return typeof given === 'boolean' ? [] : expected('E_SELECTOR', `true or false as "${member}"`, given);
    case 'text':
      return [textOf(given, member)];
    case 'list':
      return Array.isArray(given) ? given : expected('E_SELECTOR', `a list of texts as "${member}"`, given);
    case 'texts':
      return Array.isArray(given) ? given : [textOf(given, member)];
    default:
      return expected('E_SELECTOR', 'a form of member that is known', form satisfies never);
  }
}

function textOf(given: unknown, member: string): string {
  return typeof given === 'string' && given !== '' ? given : expected('E_SELECTOR', `text as "${member}"`, given);
}

/** The selectors of one named thing; throws E_SELECTOR. */
export function selectorsOf({ member, text }: Named): readonly Selector[] {
  const kind = KINDS.get(member) ?? expected('E_SELECTOR', 'a member that names responses', member);
  return kind(member === 'all' ? '' : textOf(text, member));
}

/** Reads a selection of responses; throws E_SELECTOR. */
export function parseSelectors(value: unknown, members: Members = RESPONSE_MEMBERS): readonly Selector[] {
  return readSelection(value, members).flatMap(selectorsOf);
}

const urlSelectors = (text: string) => [{ kind: 'url', uri: parseUri(text) } as const];
const tagSelectors = (text: string) => tagForms(text).map((tag) => ({ kind: 'tag', tag }) as const);

const KINDS = new Map<string, (text: string) => readonly Selector[]>([
  ['url', urlSelectors],
  ['urls', urlSelectors],
  ['tag', tagSelectors],
  ['tags', tagSelectors],
  ['prefix', (text) => prefixForms(text).map((prefix) => ({ kind: 'prefix', prefix }))],
  ['pattern', (text) => patternForms(text).map((pattern) => ({ kind: 'pattern', pattern }))],
  [
    'origin',
    (text) =>
      isKeyable(text)
        ? [{ kind: 'origin', origin: text }]
        : expected('E_SELECTOR', 'the name of an origin in the configuration', text),
  ],
  ['all', () => [{ kind: 'all' }]],
]);

/**
 * A tag from a response's field, whose bytes are Latin-1 or UTF-8 where they are not ASCII. A comma separates tags in
 * Cache-Tag, but not in Surrogate-Key or in the name of a cache group. Throws E_SELECTOR.
 */
export function tagForms(text: string): readonly string[] {
  if (text.length > MAX_TAG_LENGTH || !/^[^\p{Cc} ](?:(?:\t|\P{Cc})*[^\p{Cc} ])?$/u.test(text)) {
    return expected(
      'E_SELECTOR',
      `a tag of 1 to ${MAX_TAG_LENGTH} characters, none of control, and no blank at its ends`,
      text,
    );
  }
  const tags = text.includes(',') ? [text, ...text.split(',').map(trimOws)].filter((tag) => tag !== '') : [text];
  return tags.flatMap((tag) => {
    if (/^[\t -~]*$/.test(tag)) return [tag];
    const utf8 = String.fromCharCode(...new TextEncoder().encode(tag));
    return /[^\t -\xff]/.test(tag) ? [utf8] : [tag, utf8];
  });
}
