// What a running gate can tell by its admin API: whether it is ready, whether its sources are heard of and recorded, what it had
// to refuse, and whether anything broke.

import type { EntrySummary, GateStats, ListPage } from '../../../engine/contract.ts';
import type { SourceState } from '../../../engine/source-leases.ts';
import { ownerOf, plainName, sourceOf, sourceTag } from '../../../entry/key.ts';
import { messageOf, TidegateError } from '../../../errors.ts';
import { type AdminAddress, callAdmin } from '../cli/admin-client.ts';
import { percentText } from '../cli/text.ts';
import { amiss, type Finding, fine } from './finding.ts';

/** Fewer requests say nothing about a part of them. */
const ENOUGH = 100;
const LARGE_PART = 0.2;

export async function gateFindings(at: AdminAddress, isAsked: boolean): Promise<Finding[]> {
  const ask = async <Answer>(path: string, query: readonly (readonly [string, string])[] = []) =>
    (await callAdmin(at, { method: 'GET', path, query })) as Answer;
  let stats: GateStats;
  try {
    stats = await ask<GateStats>('/stats');
  } catch (error) {
    if (!(error instanceof TidegateError)) throw error;
    const what = `no running gate was asked: ${messageOf(error)}`;
    if (!isAsked) return [fine('gate', what)];
    return [
      amiss('gate', 'error', [what, 'start it, or give the URL of its admin API and its token (--admin, --token)']),
    ];
  }
  const { sources } = await ask<{ readonly sources: readonly SourceState[] }>('/sources');
  const recorded = await Promise.all(
    sources.map(({ source }) => {
      const owner = ownerOf(source);
      const tag = ['tag', sourceTag(plainName(source))] as const;
      return ask<ListPage>(owner === undefined ? '/entries' : `/tenants/${owner}/entries`, [tag, ['limit', '1']]);
    }),
  );
  const unrecorded = sources.filter((_, at) => recorded[at]?.entries.length === 0);
  const some = sources.length === 0 ? [] : (await ask<ListPage>('/entries', [['limit', '1000']])).entries;
  return [
    ...[fine('gate', `answers at ${at.admin}`), ...ofStats(stats), ...ofSources(sources, unrecorded, stats)],
    ...ofMixed(some),
  ];
}

/** Origins of which some stored answers are outdated by changes that are told, and others by time alone. */
function ofMixed(entries: readonly EntrySummary[]): Finding[] {
  return [...Map.groupBy(entries, ({ origin }) => origin)].flatMap(([origin, all]) => {
    const others = all.filter(({ tags }) => !tags.some((tag) => sourceOf(tag) !== undefined));
    if (others.length === 0 || others.length === all.length) return [];
    const what = `origin ${origin}: ${others.length} of ${all.length} stored answers were read from no tracked source, and change with time alone: ${others[0]?.uri}`;
    const mend = 'wrap their handlers in the tracker, invalidate them by hand, or give them a short freshness';
    return [amiss('routes', 'warning', [what, mend])];
  });
}

function ofStats(stats: GateStats): Finding[] {
  const { requests, details, refusedStores, exceptions, disk } = stats;
  const all = Object.values(requests).reduce((sum, count) => sum + count, 0);
  const isMuch = (count: number) => all >= ENOUGH && count / all >= LARGE_PART;
  const found: Finding[] = [];
  if (isMuch(details.credentials)) {
    const what = `${percentText(details.credentials / all)} of requests went past the cache for a cookie or Authorization`;
    found.push(
      amiss('routes', 'warning', [
        what,
        'name in "cookies" of the route which matter, which do not; tidegate explain URL -H "Cookie: …" says why',
      ]),
    );
  }
  for (const reason of ['set-cookie', 'cookie-without-freshness', 'vary-any', 'no-freshness'] as const) {
    const count = refusedStores[reason] ?? 0;
    if (!isMuch(count)) continue;
    const what = `${percentText(count / all)} of answers were not stored: ${reason}`;
    found.push(amiss('routes', 'warning', [what, MENDS[reason]]));
  }
  if (isMuch(requests.error)) {
    const what = `${percentText(requests.error / all)} of requests ended as errors of an origin`;
    found.push(amiss('gate', 'error', [what, 'look at its log: it names the origin and the failure']));
  }
  const broken = exceptions.exchange + exceptions.unknown;
  if (broken > 0) {
    found.push(
      amiss('gate', 'error', [
        `${broken} exceptions that must not happen`,
        'report what its log says of them: it is a defect',
      ]),
    );
  }
  if (disk !== undefined && !disk.invalidationsDurable) {
    const what = 'the log of invalidations cannot be written';
    found.push(
      amiss('disk', 'error', [what, 'free space on its disk, and look at the log: after a restart all is validated']),
    );
  }
  return found;
}

const MENDS = {
  'set-cookie': "have the origin set cookies only where needed, or take them off: response: { remove: ['set-cookie'] }",
  'cookie-without-freshness':
    'have the origin say Cache-Control, or name in "cookies" of the route which do not matter',
  'vary-any': 'have the origin name in Vary the fields that answers differ by, in place of *',
  'no-freshness': 'have the origin say Cache-Control: max-age, or give the route a defaultTtl',
};

function ofSources(sources: readonly SourceState[], unrecorded: readonly SourceState[], stats: GateStats): Finding[] {
  const found = sources.map(({ source: name, live, heardMs, lagMs }) => {
    const source = shownName(name);
    if (live) return fine('feed', `source ${source} is heard of${lagMs === undefined ? '' : `, ${lagMs} ms behind`}`);
    const since =
      heardMs === undefined ? 'it has not been heard of' : `not heard of for ${Math.round(heardMs / 1000)} s`;
    const mend =
      'start the application, or the feed, that reports it: until then nothing read from it is stored or served';
    return amiss('feed', 'error', [`source ${source}: ${since}`, mend]);
  });
  const rivals = sources.filter(({ rivals = 0 }) => rivals > 0);
  for (const { source } of rivals) {
    const what = `source ${shownName(source)} is reported by several trackers in turn, each of which makes all of it outdated`;
    found.push(amiss('feed', 'error', [what, 'give each database one name and one tracker, or run tidegate feed run']));
  }
  const hasStored = stats.memory.entries + (stats.disk?.entries ?? 0) > 0;
  for (const { source } of hasStored ? unrecorded : []) {
    const what = `source ${shownName(source)} reports changes, but no stored answer says that it was read from it`;
    const mend =
      'wrap the handlers of the tracked routes in the tracker, and its driver; tidegate explain URL has its reason';
    found.push(amiss('routes', 'warning', [what, mend]));
  }
  return found;
}

/** That of a tenant with the tenant. */
function shownName(source: string): string {
  return source.replace('\n', ' of tenant ');
}
