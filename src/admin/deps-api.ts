// The part of the admin API that tells what entries depend on: `GET /deps`, and `GET /explain?deps=1`.
//
// The gate knows entries and their tags; the tracker knows the meaning of a tag. So an answer about dependencies waits for
// the tracker, and says so when the tracker does not answer.

import type { Description, QuestionSubject } from '../dependency/describe/describe.ts';
import type { EntrySummary, Explanation } from '../engine/contract.ts';
import { ASK_MS, MAX_OPEN } from '../engine/source-questions.ts';
import { sourceOf, sourceTag } from '../entry/key.ts';
import { expected } from '../errors.ts';
import { type AdminDeps, AdminRefusal, type SourceApi } from './contract.ts';
import {
  type DependencyGroup,
  type EntryDependencies,
  groupsOfRecord,
  groupsOfTable,
  rowsOf,
  type SourceWord,
} from './dependencies.ts';
import { explained, nothingStored } from './explain.ts';

/** Entries that depend on a table or a record. */
export interface GroupedDependencies {
  readonly sources: readonly SourceWord[];
  readonly groups: readonly (Omit<DependencyGroup, 'tags'> & { readonly urls: readonly string[] })[];
  /** Whether all URLs are named. */
  readonly isWhole: boolean;
}

const MAX_TAGS = 1_000;
/** Up to this many tags are looked up one by one; for more, all entries of the source are searched. */
const MAX_LOOKUPS = 20;
const MAX_ENTRIES = 100_000;
const MAX_URLS = 1_000;

/** The dependencies of a URL's entry, or the URLs whose entries depend on a table or a record. */
export async function answerDeps(deps: AdminDeps, query: URLSearchParams): Promise<object> {
  const given = (['url', 'table', 'record'] as const).filter((key) => query.has(key));
  const [kind] = given;
  if (kind === undefined || given.length > 1)
    return expected('E_SELECTOR', 'exactly one of url, table and record', given.join(' and '));
  const only = query.get('source') ?? undefined;
  const known = deps.sources.sources().map(({ source }) => source);
  if (only !== undefined && !known.includes(only)) throw unknownSource(only, known);
  if (kind === 'url') return ofUrl(deps, query, only);
  const about = subjectOf(kind, query.get(kind) as string);
  if (only === undefined && known.length === 0) throw unknownSource('none', known);
  return ofSources(deps, only === undefined ? known : [only], about);
}

function unknownSource(got: string, known: readonly string[]): AdminRefusal {
  const what = known.length === 0 ? 'a source whose tracker reports to this gate' : `one of ${known.join(', ')}`;
  return new AdminRefusal(404, `expected ${what}, got ${got}`);
}

type NamedSubject = Exclude<QuestionSubject, { kind: 'tags' }>;

/** `users:7`; `prices:3,de`; a comma within a part is written `\,`. */
function subjectOf(kind: 'table' | 'record', text: string): NamedSubject {
  if (kind === 'table')
    return { kind, table: text === '' ? expected('E_SELECTOR', 'the name of a table', text) : text };
  const colon = text.indexOf(':');
  if (colon < 1 || colon === text.length - 1)
    return expected('E_SELECTOR', 'a record as table:key, e.g. users:7', text);
  const parts = [''];
  for (const [token] of text.slice(colon + 1).matchAll(/\\[\s\S]|[\s\S]/g)) {
    if (token === ',') parts.push('');
    else parts[parts.length - 1] += token.length > 1 ? token.slice(1) : token;
  }
  return { kind, table: text.slice(0, colon), key: parts };
}

async function ofUrl(deps: AdminDeps, query: URLSearchParams, only: string | undefined): Promise<object> {
  const found = await dependenciesOf(deps.sources, await explained(deps, query), only);
  const isSilent =
    found.sources.length > 0 && found.sources.every(({ problem }) => problem?.startsWith(SILENT) === true);
  if (isSilent) throw new AdminRefusal(504, found.sources[0]?.problem as string);
  return { url: query.get('url'), ...found };
}

/** Asks the trackers of all sources that the entry was read from, or only the named one. */
export async function dependenciesOf(
  api: SourceApi,
  explanation: Explanation,
  only?: string,
): Promise<EntryDependencies> {
  const { entry } = explanation;
  if (entry === undefined) return { note: nothingStored(explanation), sources: [], rows: [], otherTags: [] };
  const ofTags = entry.tags.flatMap((tag) => sourceOf(tag) ?? []);
  const sources = only === undefined ? ofTags : ofTags.filter((source) => source === only);
  const tags = entry.tags.filter((tag) => sourceOf(tag) === undefined);
  if (sources.length === 0) {
    const note = `It does not say that it was read from ${only ?? 'any source'}: it has no tag ${sourceTag(only ?? '<name>')}.`;
    return { note, sources: [], rows: [], otherTags: tags };
  }
  const asked = await askAll(api, sources, { kind: 'tags', tags: tags.slice(0, MAX_TAGS) });
  const rows = asked.flatMap(({ word, described }) => rowsOf(word.source, described));
  const known = new Set(asked.flatMap(({ described }) => described.map(({ tag }) => tag)));
  return {
    ...(entry.outdated && rows.length === 0 && { note: OUTDATED }),
    sources: asked.map(({ word }) => word),
    rows,
    otherTags: tags.filter((tag) => !known.has(tag)),
  };
}

const OUTDATED = 'outdated: its tags stand for nothing until it is filled again';

async function ofSources(
  { gate, sources: api }: AdminDeps,
  sources: readonly string[],
  about: NamedSubject,
): Promise<object> {
  const asked = await askAll(api, sources, about);
  if (asked.every(({ isSilent }) => isSilent)) throw new AdminRefusal(504, asked[0]?.word.problem as string);
  const groups: GroupedDependencies['groups'][number][] = [];
  let isWhole = true;
  for (const { word, described } of asked) {
    const { source } = word;
    const found =
      about.kind === 'table' ? groupsOfTable(source, about.table, described) : groupsOfRecord(source, about, described);
    const urls = await urlsOf(gate, source, new Set(found.flatMap(({ tags }) => [...tags])));
    isWhole &&= urls.isWhole && word.isWhole;
    for (const { tags, ...group } of found) {
      const all = [...new Set([...tags].flatMap((tag) => [...(urls.byTag.get(tag) ?? [])]))].sort();
      if (all.length > 0) groups.push({ ...group, urls: all.slice(0, MAX_URLS) });
      isWhole &&= all.length <= MAX_URLS;
    }
  }
  const answered: GroupedDependencies = { sources: asked.map(({ word }) => word), groups, isWhole };
  const { kind, ...subject } = about;
  return { ...(kind === 'table' ? subject : { record: subject }), ...answered };
}

const SILENT = 'expected an answer of the tracker';

/** The trackers' descriptions; an empty one with the reason where a tracker does not answer. */
function askAll(api: SourceApi, sources: readonly string[], about: QuestionSubject) {
  const ask = async (source: string) => {
    const asked = await api.askSource(source, about);
    const problems = {
      silent: `${SILENT} of ${source} within ${ASK_MS / 1000} s, got none`,
      'unknown-source': `expected a source whose tracker reports to this gate, got ${source}`,
      busy: `expected at most ${MAX_OPEN} questions to ${source} at once, got more`,
    };
    const answer: Description =
      asked.kind === 'answered' ? asked.answer : { described: [], isWhole: false, problem: problems[asked.kind] };
    const { described, isWhole, problem } = answer;
    const word: SourceWord = { source, isWhole, ...(problem !== undefined && { problem }) };
    return { word, described, isSilent: asked.kind === 'silent' };
  };
  return Promise.all(sources.map(ask));
}

/** URLs of entries that have the tags, and are not outdated. */
async function urlsOf(gate: AdminDeps['gate'], source: string, tags: ReadonlySet<string>) {
  const byTag = new Map<string, Set<string>>();
  const note = (tag: string, { uri, outdated }: EntrySummary) => {
    if (!outdated) byTag.set(tag, (byTag.get(tag) ?? new Set<string>()).add(uri));
  };
  if (tags.size > MAX_LOOKUPS) {
    const { entries, next } = await gate.list({ tag: sourceTag(source), limit: MAX_ENTRIES });
    for (const entry of entries) for (const tag of entry.tags) if (tags.has(tag)) note(tag, entry);
    return { byTag, isWhole: next === undefined };
  }
  let isWhole = true;
  for (const tag of tags) {
    const { entries, next } = await gate.list({ tag, limit: MAX_URLS });
    for (const entry of entries) note(tag, entry);
    isWhole &&= next === undefined;
  }
  return { byTag, isWhole };
}
