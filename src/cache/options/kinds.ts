// Kinds of entries: which kind a key has, the tags that come of it, and what an event invalidates.
//
// An event about one id must cost the same however many entries there are, so each entry of a kind
// has a tag for each segment of its key. What does not fit into tags has one that every event of the kind invalidates.

import { expected, shown } from '../../errors.ts';
import { globMatcher } from '../../ledger/glob.ts';
import { be, type Check, func, isRecord, isTexts, oneOf, text, unknownName } from '../../options/kit.ts';
import type { EventData, EventReach, KindPolicy } from '../contract.ts';
import { MARK } from '../keys/key-space.ts';

/** Segments of a key that have a tag of their own. */
const MAX_SEGMENTS = 8;
const MAX_SEGMENT_LENGTH = 128;

type Policies = Readonly<Record<string, KindPolicy>>;

export class Kinds {
  readonly names: readonly string[];
  readonly isEmpty: boolean;
  readonly #policies: Policies;
  /** Where all globs are `word:*`: the kind by that word. */
  readonly #byWord: ReadonlyMap<string, string> | undefined;
  readonly #matchers: readonly { readonly kind: string; readonly matches: (key: string) => boolean }[];

  /** Throws E_CONFIG at a policy of another form; what it says of entries is for Terms to judge. */
  constructor(policies: Policies = {}) {
    if (!isRecord(policies)) expected('E_CONFIG', 'kinds to be an object of policies by name', policies);
    for (const [kind, policy] of Object.entries(policies)) checkPolicy(kind, policy);
    this.#policies = policies;
    this.names = Object.keys(policies);
    this.isEmpty = this.names.length === 0;
    const globs = this.names.flatMap((kind) => (policies[kind]?.keys ?? [`${kind}:*`]).map((glob) => ({ kind, glob })));
    this.#matchers = globs.map(({ kind, glob }) => ({ kind, matches: globMatcher(glob) }));
    if (globs.every(({ glob }) => /^[^:*?\\]+:\*$/.test(glob))) {
      // In reverse, since the first one counts.
      this.#byWord = new Map(globs.reverse().map(({ kind, glob }) => [glob.slice(0, -2), kind]));
    }
  }

  policy(kind: string): KindPolicy {
    if (Object.hasOwn(this.#policies, kind)) return this.#policies[kind] as KindPolicy;
    const known = this.names.length === 0 ? 'no kind, since none is declared' : `one of ${this.names.join(', ')}`;
    throw unknownName(`kind to be ${known}`, kind, this.names);
  }

  /** The kind of a key as its namespace calls it, or else as the cache does. */
  of(key: string, prefix: string): string | undefined {
    if (this.isEmpty || typeof key !== 'string') return undefined;
    return this.#matching(key) ?? (prefix === '' ? undefined : this.#matching(prefix + key));
  }

  #matching(key: string): string | undefined {
    if (this.#byWord === undefined) return this.#matchers.find(({ matches }) => matches(key))?.kind;
    const colon = key.indexOf(':');
    return colon < 0 ? undefined : this.#byWord.get(key.slice(0, colon));
  }

  /** All events that some kind declares. */
  get events(): readonly string[] {
    return this.names.flatMap((name) => eventsOf(this.#policies[name]?.invalidateOn));
  }

  /** Those that the event invalidates. */
  invalidatedBy(event: string): readonly string[] {
    return this.names.filter((kind) => eventsOf(this.#policies[kind]?.invalidateOn).includes(event));
  }

  /** The tags of the kind that the event invalidates. */
  eventTags(kind: string, event: string, { id }: EventData): string[] {
    const { invalidateOn } = this.policy(kind);
    const said = isList(invalidateOn) ? undefined : invalidateOn?.[event];
    // The id in `plugin.activate` is that of a plugin: it names no entry of another kind.
    const isOwn = !event.includes('.') || event.split('.', 1)[0] === kind;
    const reach = said ?? (isOwn ? 'id' : 'all');
    const all = tagOfKind(kind);
    const lists = [`${all}${MARK}${LIST}`, `${all}${MARK}${ANY}`];
    if (reach === 'lists') return lists;
    const isId = typeof id === 'string' || typeof id === 'number' || typeof id === 'bigint';
    // An id of several segments is in keys that have the first of them.
    const segment = isId && reach === 'id' ? (String(id).split(':', 1)[0] as string) : '';
    if (segment === '') return [all];
    return segment.length > MAX_SEGMENT_LENGTH ? lists : [`${all}${MARK}${segment}`, ...lists];
  }
}

function eventsOf(invalidateOn: KindPolicy['invalidateOn']): readonly string[] {
  if (invalidateOn === undefined) return [];
  return isList(invalidateOn) ? invalidateOn : Object.keys(invalidateOn);
}

function isList(invalidateOn: KindPolicy['invalidateOn']): invalidateOn is readonly string[] {
  return Array.isArray(invalidateOn);
}

function checkPolicy(kind: string, policy: unknown): void {
  const where = `of the kind ${shown(kind)}`;
  text(kind, 'the name of a kind');
  if (!isRecord(policy)) return expected('E_CONFIG', `the policy ${where} to be an object`, policy);
  for (const [name, check] of Object.entries(POLICY)) {
    if (policy[name] !== undefined) check(policy[name], `${name} ${where}`);
  }
}

const areTexts = (list: unknown) => isTexts(list) && !list.includes('');

const POLICY = {
  keys: be('a list of globs', areTexts),
  invalidateOn: (events, name) => {
    if (areTexts(events)) return;
    if (!isRecord(events))
      return expected('E_CONFIG', `${name} to be a list of events, or what each of them reaches`, events);
    for (const [event, reach] of Object.entries(events)) {
      text(event, `an event in ${name}`);
      REACH(reach, `what ${shown(event)} reaches in ${name}`);
    }
  },
  populate: func,
} satisfies Readonly<Record<string, Check>>;

const REACH = oneOf(...(['id', 'lists', 'all'] satisfies readonly EventReach[]));

/** What an entry of the kind is invalidated by. */
export function kindTags(kind: string, key: string): string[] {
  const all = tagOfKind(kind);
  const tags = [all];
  for (const segment of key.split(':', MAX_SEGMENTS + 1)) {
    if (segment === kind && tags.length === 1 && key.length > kind.length) continue;
    if (tags.length > MAX_SEGMENTS || segment.length > MAX_SEGMENT_LENGTH) {
      tags.push(`${all}${MARK}${ANY}`);
      break;
    }
    tags.push(`${all}${MARK}${segment}`);
    // What follows are the list's parameters; every event with an id invalidates lists.
    if (segment === LIST) break;
  }
  return tags;
}

const LIST = 'list';
/** No segment that a key could have: it holds what separates segments. */
const ANY = ':';

function tagOfKind(kind: string): string {
  return `kind${MARK}${kind}`;
}
