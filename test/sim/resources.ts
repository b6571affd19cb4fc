// The resources of a simulated site: on which records each depends, what it says of itself, how it is sent.

import type { Selector } from '../../src/ledger/selector.ts';
import { type Fields, fieldValue } from '../../src/semantics/fields.ts';
import type { Version } from './database.ts';
import type { Dice } from './dice.ts';
import type { Settings } from './settings.ts';

export const SITE = 'http://example.org';

export interface Resource {
  readonly index: number;
  readonly path: string;
  readonly uri: string;
  readonly originName: string;
  /** Records it shows; when the first is deleted it is gone. */
  readonly records: readonly number[];
  readonly tagField: 'cache-tag' | 'surrogate-key' | 'xkey' | 'cache-groups' | undefined;
  readonly etag: 'strong' | 'weak' | undefined;
  readonly dated: boolean;
  /** The database's clock differs from the server's by this. */
  readonly skewMs: number;
  /** Cache-Control by version, in turn. */
  readonly controls: readonly (string | undefined)[];
  readonly varies: boolean;
  /** Whom an answer is for besides what Cache-Control says. */
  readonly personal: 'no' | 'with-authorization' | 'sets-cookie';
  readonly goneStatus: 404 | 410;
  readonly baseBytes: number;
  readonly spreadBytes: number;
  readonly ranges: boolean;
  readonly framing: 'length' | 'chunked' | 'close';
  readonly initialAgeMs: number;
  /** It names a media type, so that it may be put in a coding. */
  readonly typed: boolean;
}

const CONTROLS = [
  'max-age=20',
  'max-age=60',
  'public, max-age=300',
  'max-age=5',
  'max-age=1',
  's-maxage=15, max-age=1',
  'max-age=3, stale-while-revalidate=20',
  'max-age=3, stale-if-error=40',
  'max-age=2, stale-while-revalidate=10, stale-if-error=60',
  'max-age=0',
  'max-age=0, must-revalidate',
  'no-cache',
  'no-cache, max-age=30',
  'no-store',
  'private, max-age=60',
  'public, max-age=10, must-revalidate',
  'immutable, max-age=100',
  undefined,
] as const;

/** Makes the resources of one world. */
export function makeResources(dice: Dice, settings: Settings): Resource[] {
  const { records, theme } = settings;
  const site = { calm: dice.chance(theme === 'parts' ? 0.8 : 0.4), personal: dice.chance(0.3), records };
  return Array.from({ length: settings.resources }, (_, index) => {
    const resource = makeResource(dice, { index, ...site });
    if (theme === 'large' && index === 0) return { ...resource, ...LARGE };
    if (theme === 'parts') return { ...resource, ...IN_PARTS, baseBytes: dice.pick([40, 300, 900]) };
    return theme === 'dates' ? { ...resource, etag: undefined, dated: true } : resource;
  });
}

/** All versions are equally long, so that only the ETag tells their parts apart. */
const IN_PARTS = { etag: 'strong', ranges: true, spreadBytes: 0, framing: 'length', varies: false } as const;

/** Just above what is kept in memory. */
const LARGE = { baseBytes: 4 * 2 ** 20 + 900, ranges: true, framing: 'chunked', controls: ['max-age=300'] } as const;

interface Plan {
  readonly index: number;
  /** True: everything is fresh for long. */
  readonly calm: boolean;
  /** True: some answers are for one client alone for other reasons than Cache-Control. */
  readonly personal: boolean;
  readonly records: number;
}

function makeResource(dice: Dice, how: Plan): Resource {
  const { index } = how;
  const path = `/${dice.pick(['a', 'b'])}/${index}${dice.chance(0.2) ? '?x=1' : ''}`;
  const first = dice.below(how.records);
  const others = dice.some([...Array(how.records).keys()], 0.3).filter((record) => record !== first);
  const control = () => (how.calm ? dice.pick(['max-age=60', 'public, max-age=300']) : dice.pick(CONTROLS));
  return {
    index,
    path,
    uri: SITE + path,
    originName: path.startsWith('/a') ? 'api' : 'web',
    records: [first, ...others],
    tagField: dice.pick(['cache-tag', 'surrogate-key', 'xkey', 'cache-groups', 'cache-groups', undefined] as const),
    etag: dice.pick(['strong', 'strong', 'weak', undefined, undefined] as const),
    dated: dice.chance(0.6),
    skewMs: dice.chance(0.3) ? -dice.below(55_000) : 0,
    controls: Array.from({ length: dice.chance(0.7) ? 1 : 3 }, control),
    varies: dice.chance(0.3),
    personal: how.personal ? dice.pick(['no', 'with-authorization', 'sets-cookie'] as const) : 'no',
    goneStatus: dice.pick([404, 410] as const),
    baseBytes: dice.pick([0, 1, 40, 300, 900, 2500]),
    spreadBytes: dice.pick([0, 0, 3, 700]),
    ranges: dice.chance(0.7),
    framing: dice.pick(['length', 'length', 'length', 'chunked', 'chunked', 'chunked', 'close'] as const),
    initialAgeMs: dice.pick([0, 500, 5_000, 100_000, 1_000_000]),
    typed: dice.chance(0.8),
  };
}

export function bodyBytes(resource: Resource, version: Version): number {
  const { baseBytes, spreadBytes } = resource;
  return baseBytes + (spreadBytes === 0 ? 0 : (version.number * 37) % spreadBytes);
}

export function controlOf(resource: Resource, version: Version): string | undefined {
  return resource.controls[version.number % resource.controls.length];
}

/** The variant that a request selects. */
export function variantOf(resource: Resource, fields: Fields): string {
  if (!resource.varies) return 'only';
  const [first = ''] = (fieldValue(fields, 'accept-language') ?? '').toLowerCase().split(',');
  return ['de', 'en'].includes(first.trim()) ? first.trim() : 'other';
}

export function etagOf(resource: Resource, version: Version, variant: string): string | undefined {
  if (resource.etag === undefined) return undefined;
  const strong = `"${resource.index}-${version.number}-${variant}"`;
  return resource.etag === 'strong' ? strong : `W/${strong}`;
}

/** Last-Modified in ms, cut to the second as the field is. */
export function modifiedMs(resource: Resource, version: Version): number | undefined {
  return resource.dated ? Math.floor((version.at + resource.skewMs) / 1000) * 1000 : undefined;
}

export function tagName(record: number): string {
  return `record${record}`;
}

export function tagFields(resource: Resource): Fields {
  if (resource.tagField === undefined) return [];
  const names = resource.records.map(tagName);
  if (resource.tagField === 'cache-groups') return ['cache-groups', names.map((name) => `"${name}"`).join(', ')];
  return [resource.tagField, names.join(resource.tagField === 'cache-tag' ? ', ' : ' ')];
}

/** The tag under which a record's change is told to those who tag with this field. */
export function tagOfRecord(tagField: Resource['tagField'], record: number): string {
  return tagField === 'cache-groups' ? `group:${SITE}/${tagName(record)}` : tagName(record);
}

/** True when the selector names the resource, as a client of the admin API understands it. */
export function covers(selector: Selector, resource: Resource): boolean {
  switch (selector.kind) {
    case 'url':
      return selector.uri === resource.uri;
    case 'tag':
      if (resource.tagField === undefined) return false;
      return resource.records.some((record) => tagOfRecord(resource.tagField, record) === selector.tag);
    case 'prefix':
      return resource.uri.startsWith(selector.prefix);
    case 'pattern':
      return asRegExp(selector.pattern).test(resource.uri);
    case 'origin':
      return selector.origin === resource.originName;
    case 'all':
      return true;
  }
}

function asRegExp(glob: string): RegExp {
  const literal = glob.replace(/[.+^${}()|[\]\\]/g, '\\$&');
  return new RegExp(`^${literal.replaceAll('*', '.*').replaceAll('?', '.')}$`);
}
