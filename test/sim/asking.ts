// What simulated clients ask: random requests with the conditions, ranges and wishes of RFC 9110 and RFC 9111.

import type { Fields } from '../../src/semantics/fields.ts';
import type { Database } from './database.ts';
import type { Dice } from './dice.ts';
import { bodyBytes, etagOf, modifiedMs, type Resource } from './resources.ts';
import type { Settings } from './settings.ts';

export interface Question {
  readonly resource: Resource;
  readonly method: string;
  readonly fields: Fields;
  readonly bypass: boolean;
}

const WISHES = [
  'no-cache',
  'no-store',
  'max-age=0',
  'max-age=2',
  'max-stale',
  'max-stale=10',
  'min-fresh=5',
  'only-if-cached',
  'only-if-cached, max-stale',
] as const;

interface Site {
  readonly resource: Resource;
  /** Probability that nothing is added to a GET. */
  readonly plain: number;
  readonly asking: Settings['asking'];
  /** Clients take codings. */
  readonly codes: boolean;
}

const LANGUAGES = ['de', 'en', 'DE', 'en , de', 'fr', ''] as const;

/** A safe request; often a plain GET. */
export function ask(dice: Dice, database: Database, site: Site): Question {
  const { resource, asking } = site;
  const fields: string[] = [];
  if (dice.chance(resource.varies ? 0.8 : 0.1)) fields.push('accept-language', dice.pick(LANGUAGES));
  if (site.codes && dice.chance(0.7)) fields.push('accept-encoding', dice.pick(CODINGS_TAKEN));
  if (dice.chance(site.plain)) return { resource, method: 'GET', fields, bypass: false };
  if (dice.chance(0.15)) fields.push('authorization', 'Basic c2lt');
  if (dice.chance(asking.conditions)) fields.push(...asCoded(dice, site, conditions(dice, database, resource)));
  if (dice.chance(asking.wishes)) fields.push('cache-control', dice.pick(WISHES));
  if (dice.chance(asking.ranges)) fields.push(...asCoded(dice, site, ranges(dice, database, resource)));
  const method = dice.chance(asking.heads) ? 'HEAD' : 'GET';
  return { resource, method, fields, bypass: dice.chance(0.04) };
}

const CODINGS_TAKEN = ['gzip', 'br', 'zstd, gzip;q=0.5', 'gzip;q=0, br', 'identity', '*;q=0, gzip'] as const;

/** Entity tags become those of codings, now and then: the client has such a representation. */
function asCoded(dice: Dice, { codes }: Site, fields: string[]): string[] {
  if (!codes || dice.chance(0.5)) return fields;
  const coding = dice.pick(['gzip', 'br', 'zstd']);
  return fields.map((text, at) => (at % 2 === 1 ? text.replace(/([^"])"$/, `$1~${coding}"`) : text));
}

function conditions(dice: Dice, database: Database, resource: Resource): string[] {
  const version = dice.pick(database.since(resource, 0).slice(-3));
  const etag = etagOf(resource, version, resource.varies ? dice.pick(['de', 'en', 'other']) : 'only');
  const modified = modifiedMs(resource, version) ?? version.at;
  const since = new Date(modified + dice.pick([0, 0, -1000, 5000])).toUTCString();
  const kind = dice.weighted({ tag: 6, tags: 1, any: 0.3, since: 4, both: 2, match: 0.5 });
  switch (kind) {
    case 'tag':
      return ['if-none-match', etag ?? '"none"'];
    case 'tags':
      return ['if-none-match', `"none", ${etag ?? '"other"'}`];
    case 'any':
      return ['if-none-match', '*'];
    case 'since':
      return ['if-modified-since', since];
    case 'both':
      return ['if-none-match', etag ?? '"none"', 'if-modified-since', since];
    case 'match':
      return ['if-match', '*'];
  }
}

function ranges(dice: Dice, database: Database, resource: Resource): string[] {
  const version = database.current(resource);
  const size = bodyBytes(resource, version);
  // Mostly at quarters, so that parts often meet; else anywhere, and past the end.
  const quarter = Math.ceil(size / 4) + 1;
  const first = dice.chance(0.8) ? quarter * dice.below(4) : dice.below(size + 5);
  const range = dice.weighted({ first: 1, rest: 2, suffix: 1, two: 1, inner: 6 });
  const texts = {
    first: `0-${first + quarter - 1}`,
    rest: `${first}-`,
    suffix: `-${first}`,
    two: `0-${dice.below(20)},${first}-${first + 10}`,
    inner: `${first}-${first + quarter - (dice.chance(0.8) ? 1 : 0)}`,
  };
  const etag = etagOf(resource, version, resource.varies ? 'de' : 'only');
  const ifRange = etag !== undefined && dice.chance(0.4) ? ['if-range', etag] : [];
  return ['range', `bytes=${texts[range]}`, ...ifRange];
}
