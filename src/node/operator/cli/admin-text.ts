// The output of the admin commands for people: tables and sentences made from the answers of the admin API.
//
// URIs and tags come from strangers and go to a terminal, so control characters are shown escaped. Conditions and lists of
// columns are long, and a terminal is narrow: they are cut here, and whole in the JSON.

import type { TierAgreement, TierHoldings } from '../../../admin/contract.ts';
import type { EntryDependencies, SourceWord } from '../../../admin/dependencies.ts';
import type { GroupedDependencies } from '../../../admin/deps-api.ts';
import type { TenantFigures } from '../../../admin/tenants-contract.ts';
import type { Explanation, GateStats, InvalidationResult, ListPage } from '../../../engine/contract.ts';
import { counted } from '../../counted.ts';
import { keyHash } from '../access-log.ts';
import { printable, printableLines, table } from './text.ts';

export function listText(page: ListPage): string {
  if (page.entries.length === 0) return 'no entries';
  const rows = page.entries.map((entry) => [
    entry.method,
    String(entry.status),
    String(entry.bodyBytes),
    seconds(entry.ageMs),
    entry.outdated ? 'outdated' : entry.ttlMs < 0 ? `stale ${seconds(-entry.ttlMs)}` : seconds(entry.ttlMs),
    entry.coding === undefined ? entry.uri : `${entry.uri} (${entry.coding})`,
    entry.tags.join(', '),
  ]);
  const lines = table([['METHOD', 'STATUS', 'BYTES', 'AGE', 'FRESH FOR', 'URL', 'TAGS'], ...rows]);
  return page.next === undefined ? lines : `${lines}\nmore follow; raise --limit to see them`;
}

export function explainText(explanation: Explanation): string {
  const { key, variantKey, entry, freshness, position, lastRefusal } = explanation;
  const state = entry?.outdated === true ? ', outdated' : '';
  const rows = [
    ['key', `${key} (${keyHash(key)} in the access log)`],
    ['variant', variantKey?.split('\n').slice(1).join('; ') || 'none'],
    ...(explanation.coding === undefined ? [] : [['coding', explanation.coding]]),
    ['verdict', `${explanation.verdict}: ${explanation.reason} (${explanation.section})`],
    ['freshness', freshness === undefined ? 'nothing is stored' : freshnessText(freshness)],
    ...(entry === undefined
      ? []
      : [
          [
            'entry',
            `${entry.status}, ${entry.bodyBytes} bytes, origin ${entry.origin}${told(', stamp ', entry.stamp)}${state}`,
          ],
          ['tags', entry.tags.join(', ') || 'none'],
        ]),
    ...positionRow(position),
    ['refusal', lastRefusal === undefined ? 'none known' : `${lastRefusal.reason} (${lastRefusal.section})`],
  ];
  return table(rows);
}

/** A tenant is told neither positions nor stamps: they count what others do as well. */
function told(what: string, position: number | undefined): string {
  return position === undefined ? '' : what + position;
}

function positionRow(position: Explanation['position'] | undefined): string[][] {
  if (position === undefined) return [];
  return [['position', `applied ${position.applied}, last invalidation ${position.lastInvalidation || 'none'}`]];
}

/** The arithmetic of RFC 9111 §4.2, e.g. `lifetime 60 s (max-age) - age 12 s = 48 s left`. */
function freshnessText(freshness: NonNullable<Explanation['freshness']>): string {
  const lifetime = tenths(freshness.lifetimeMs);
  const age = tenths(freshness.ageMs);
  const left = tenths((lifetime - age) * 1000);
  const rest = left < 0 ? `stale for ${-left} s` : `${left} s left`;
  const extra = [
    ['stale-while-revalidate', freshness.staleWhileRevalidateMs],
    ['stale-if-error', freshness.staleIfErrorMs],
  ] as const;
  const allowed = extra.filter(([, ms]) => ms > 0).map(([name, ms]) => `; ${name} ${seconds(ms)}`);
  return `lifetime ${lifetime} s (${freshness.source}) - age ${age} s = ${rest}${allowed.join('')}`;
}

/** `done`: the action on the entries, e.g. `invalidated`. */
export function changeText(
  done: string,
  result: InvalidationResult & { readonly results?: readonly (InvalidationResult & { readonly tag: string })[] },
): string {
  const least = result.more === true ? 'at least ' : '';
  const total = `${done}: ${least}${entries(result.matched)} matched${told(', position ', result.position)}`;
  if (result.results === undefined) return total;
  const rows = result.results.map((one) => [`  ${one.tag}`, entries(one.matched), told('position ', one.position)]);
  return `${total}\n${table(rows)}`;
}

export function entries(count: number): string {
  return counted(count, 'entry', 'entries');
}

/** A gate on Workers tells what its operations cost. */
interface BilledStats extends GateStats {
  readonly bill?: { readonly totalUsdPerMillionRequests: number; readonly pricesAsOf: string };
}

export function statsText(stats: BilledStats | TenantFigures): string {
  if (!('memory' in stats)) {
    const { requests, ...rest } = stats;
    return table([
      ['requests', counts(requests)],
      ...Object.entries(rest).map(([name, count]) => [name, String(count)]),
    ]);
  }
  const { memory, bill } = stats;
  return table([
    ['requests', counts(stats.requests)],
    ['forwards', counts(stats.forwards)],
    ['details', counts(stats.details)],
    ['stores', String(stats.stores)],
    ['dropped', String(stats.variantsDropped)],
    ['refused stores', counts(stats.refusedStores)],
    ['invalidations', counts(stats.invalidations)],
    ['purges', String(stats.purges)],
    ['not known', counted(stats.unknownPositions, 'position')],

    ['exceptions', counts(stats.exceptions)],
    ['coded', `${entries(stats.coding.made)}, ${stats.coding.bytesSaved} bytes saved`],
    ['not coded', counts(stats.coding.skipped)],
    ['memory', `${entries(memory.entries)}, ${memory.bytes} of ${memory.maxBytes} bytes`],
    ['evicted', `${memory.evictions}, declined ${memory.declined}`],
    ...diskRows(stats.disk),
    ['under way', `${counted(stats.fillsInFlight, 'fill')}, ${counted(stats.intentsOpen, 'intent')}`],
    ['position', String(stats.position)],
    ...(bill === undefined ? [] : [['bill', billText(bill)]]),
  ]);
}

function billText({ totalUsdPerMillionRequests, pricesAsOf }: NonNullable<BilledStats['bill']>): string {
  return `$${totalUsdPerMillionRequests.toFixed(2)} for a million requests like those of this isolate (prices of ${pricesAsOf})`;
}

function diskRows(disk: GateStats['disk']): [string, string][] {
  if (disk === undefined) return [];
  const index = disk.indexLoaded ? '' : ', index still being read';
  const log = disk.invalidationsDurable ? '' : '; the log of invalidations cannot be written';
  return [
    ['disk', `${entries(disk.entries)}, ${disk.bytes} of ${disk.maxBytes} bytes${index}`],
    ['disk evicted', `${disk.evictions}, declined ${disk.declined}`],
    ['disk damage', `${disk.corrupt} corrupt, ${counted(disk.writeFailures, 'failure')} to write${log}`],
  ];
}

function counts(figures: { readonly [name: string]: number }): string {
  const some = Object.entries(figures).filter(([, count]) => count > 0);
  return some.length === 0 ? 'none' : some.map(([name, count]) => `${name} ${count}`).join(', ');
}

function seconds(ms: number): string {
  return `${tenths(ms)} s`;
}

/**
 * Seconds to one decimal: `lifetime - age` is computed from the shown values, so that the sum on the screen is right.
 */
function tenths(ms: number): number {
  return Math.round(ms / 100) / 10;
}

export function holdingsText({ memory, disk, manifest }: TierHoldings): string {
  const lines = [`memory    ${entries(memory.entries)}, ${memory.bytes} of ${memory.maxBytes} bytes`];
  if (disk === undefined || manifest === undefined) return `${lines[0]}\ndisk      none`;
  const files = `${counted(disk.segments, 'segment')}, ${counted(disk.largeBodies, 'large body', 'large bodies')}`;
  lines.push(`disk      ${entries(disk.entries)}, ${disk.bytes} of ${disk.maxBytes} bytes, ${files}`);
  lines.push(`manifest  ${counted(manifest.rows, 'row')}, naming ${manifest.bytes} bytes`);
  if (!disk.indexLoaded) lines.push('The index is still being read; the manifest is asked meanwhile.');
  return lines.join('\n');
}

export function agreementText({ agree, memory, disk, examples }: TierAgreement): string {
  const lines = [agree ? 'They agree.' : 'They do not agree; what differs is not served.'];
  const { notOnDisk, differing } = memory;
  lines.push(
    `memory    ${entries(memory.entries)}: ${notOnDisk} not on the disk, ${differing} of another fill than there`,
  );
  for (const [finding, count] of Object.entries(disk ?? {})) {
    // `missingRecords` as `missing records`.
    const words = finding.replace(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`);
    lines.push(`disk      ${words}: ${count}`);
  }
  for (const example of examples) lines.push(`  ${printable(example)}`);
  return lines.join('\n');
}

const MAX_WHAT = 90;
const MAX_COLUMNS = 50;

export function entryDepsText({ note, sources, rows, otherTags }: EntryDependencies): string {
  const hasSeveral = sources.length > 1;
  const cells = rows.map((row) => [
    row.granularity,
    hasSeveral ? `${row.source}: ${row.table}` : row.table,
    cut(row.what, MAX_WHAT),
    cut(row.columns.join(', '), MAX_COLUMNS),
    row.reason === undefined ? row.level : `${row.level} (${row.reason})`,
  ]);
  const lines = [
    ...(note === undefined ? [] : [note]),
    ...(rows.length === 0 ? [] : [table([['GRANULARITY', 'TABLE', 'WHAT', 'COLUMNS', 'LEVEL'], ...cells])]),
    ...(rows.length === 0 && note === undefined ? ['no tag that a tracker knows'] : []),
    ...(otherTags.length === 0 ? [] : [`other tags: ${otherTags.join(', ')}`]),
    ...wordLines(sources),
  ];
  return lines.map(printableLines).join('\n');
}

export function groupsText({ groups, sources, isWhole }: GroupedDependencies): string {
  const hasSeveral = sources.length > 1;
  const cells = groups.flatMap((group) =>
    group.urls.map((url, at) => {
      const what = hasSeveral ? `${group.source}: ${group.table}` : group.table;
      return at === 0 ? [group.granularity, what, cut(group.what, MAX_WHAT), group.level, url] : ['', '', '', '', url];
    }),
  );
  const reasons = new Set(groups.flatMap(({ level, reason }) => (reason === undefined ? [] : [`${level}: ${reason}`])));
  const words = wordLines(sources);
  const lines = [
    groups.length === 0
      ? 'nothing that is stored'
      : table([['GRANULARITY', 'TABLE', 'WHAT', 'LEVEL', 'URL'], ...cells]),
    ...reasons,
    ...words,
    ...(isWhole || words.length > 0 ? [] : ['there may be others']),
  ];
  return lines.map(printableLines).join('\n');
}

function wordLines(sources: readonly SourceWord[]): string[] {
  return sources.flatMap(({ source, isWhole, problem }) => {
    if (problem !== undefined) return [`${source}: ${problem}`];
    return isWhole ? [] : [`${source}: there is more than its tracker tells`];
  });
}

function cut(text: string, most: number): string {
  return text.length <= most ? text : `${text.slice(0, most - 1)}…`;
}
