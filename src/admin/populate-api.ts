// The part of the admin API that fills entries with no client waiting: jobs are begun, listed, followed and cancelled.
//
// A long list does not fit into one call. So a job may be begun with a part of it and `more`, and
// given the rest by further calls.

import type { PopulateItem } from '../engine/populate/item.ts';
import type { JobProgress, NotStored } from '../engine/populate/job.ts';
import { parseSelectors } from '../entry/selectors.ts';
import { parseUri } from '../entry/uri-forms.ts';
import { expected, TidegateError } from '../errors.ts';
import type { UnknownRecord } from '../options/kit.ts';
import { type Fields, NO_FIELDS } from '../semantics/fields.ts';
import { OPERATOR_MEMBERS } from './changes.ts';
import {
  AdminRefusal,
  type AdminResponse,
  json,
  objectOf,
  type PopulateApi,
  type PopulatePortion,
  type PopulateStart,
} from './contract.ts';

// The URLs to fill: a job has one of these.
const SOURCES = ['urls', 'sitemap', 'manifest', 'tag', 'prefix', 'pattern', 'origin'] as const;
const KEYS = [...SOURCES, 'job', 'more', 'cause', 'name', 'fields', 'concurrency', 'ratePerSecond'];
const CAUSES: readonly unknown[] = ['operator', 'publish', 'missing'];

/** All jobs, one job, or one job as it progresses, a line of JSON for each step. */
export async function showPopulate(api: PopulateApi, query: URLSearchParams): Promise<AdminResponse> {
  const id = query.get('job');
  if (id === null) {
    if (query.has('follow')) expected('E_SELECTOR', 'the query key job beside follow', undefined);
    return json(200, await api.state());
  }
  const progress = progressOf(api, id);
  if (!query.has('follow')) return json(200, progress);
  const stream: AdminResponse['stream'] = (write, end) =>
    api.follow(id, (step) => {
      write(`${JSON.stringify(step)}\n`);
      if (step.state !== 'running') end();
    });
  return { status: 200, contentType: 'application/x-ndjson', fields: NO_FIELDS, body: '', stream };
}

/** Begins a job, or gives it more. */
export function startPopulate(api: PopulateApi, body: unknown): JobProgress {
  const asked = objectOf(body, 'an object', KEYS);
  const { urls = [], fields } = asked;
  const common = populateFields(fields);
  const portion = itemsOf(Array.isArray(urls) ? urls : expected('E_SELECTOR', 'a list as "urls"', urls), common);
  const more = asked.more === true;
  if (asked.job !== undefined) {
    const id = textOf(asked, 'job');
    progressOf(api, id);
    api.give(id, { ...portion, more });
    return progressOf(api, id);
  }
  const cause = asked.cause ?? 'operator';
  if (!CAUSES.includes(cause)) expected('E_SELECTOR', `one of ${CAUSES.join(', ')} as cause`, cause);
  const given = SOURCES.filter((name) => asked[name] !== undefined);
  if (given.length !== 1) expected('E_SELECTOR', `exactly one of ${SOURCES.join(', ')}`, given.join(' and ') || 'none');
  const source = sourceOf(asked, given[0] as (typeof SOURCES)[number]);
  return api.begin({
    cause: cause as PopulateStart['cause'],
    ...(asked.name !== undefined && { name: textOf(asked, 'name') }),
    ...limitOf(asked, 'concurrency'),
    ...limitOf(asked, 'ratePerSecond'),
    ...(source === undefined ? { ...portion, more } : { source }),
  });
}

export function cancelPopulate(api: PopulateApi, body: unknown): object {
  const id = textOf(objectOf(body, 'an object'), 'job');
  return { ...progressOf(api, id), cancelled: api.cancel(id), ...api.progress(id) };
}

function progressOf(api: PopulateApi, id: string): JobProgress {
  const progress = api.progress(id);
  if (progress !== undefined) return progress;
  throw new AdminRefusal(404, `expected the id of a job, got ${JSON.stringify(id)}`, 'E_POPULATE');
}

function sourceOf(asked: UnknownRecord, name: (typeof SOURCES)[number]): PopulateStart['source'] {
  if (name === 'urls') return undefined;
  if (name === 'sitemap') {
    const url = parseUri(textOf(asked, 'sitemap'));
    return { kind: 'sitemap', name: url, url, fields: populateFields(asked.fields) };
  }
  if (asked.fields !== undefined) expected('E_SELECTOR', 'fields beside urls or sitemap only', 'fields');
  const value = asked[name];
  if (name !== 'manifest') {
    const selectors = parseSelectors({ [name]: value }, OPERATOR_MEMBERS);
    return { kind: 'stored', name: `${name} ${String(value)}`, selectors };
  }
  if (value !== true) expected('E_SELECTOR', '{"manifest": true}', value);
  return { kind: 'stored', name, selectors: [{ kind: 'all' }] };
}

function textOf(body: UnknownRecord, key: string): string {
  const value = body[key];
  return typeof value === 'string' && value !== '' ? value : expected('E_SELECTOR', `text as "${key}"`, value);
}

function limitOf(body: UnknownRecord, key: 'concurrency' | 'ratePerSecond'): Partial<PopulateStart> {
  const value = body[key];
  if (value === undefined) return {};
  const good = typeof value === 'number' && Number.isInteger(value) && value >= 1;
  if (!good) expected('E_SELECTOR', `an integer, 1 or more, as "${key}"`, value);
  return { [key]: value };
}

const MAX_SHOWN = 200;

/** The values as URLs to fill. Refused: what clients could not ask for, or has fields that they could not send. */
export function itemsOf(values: readonly unknown[], common: Fields = NO_FIELDS): PopulatePortion {
  const items: PopulateItem[] = [];
  const refused: NotStored[] = [];
  for (const value of values) {
    try {
      items.push(itemOf(value, common));
    } catch (error) {
      if (!(error instanceof TidegateError)) throw error;
      // Without its fields, which may be credentials.
      const url = typeof value === 'object' && value !== null ? (value as { url?: unknown }).url : value;
      const shown = typeof url === 'string' ? url : (JSON.stringify(url) ?? typeof url);
      refused.push({ url: shown.slice(0, MAX_SHOWN), reason: 'not-a-url' });
    }
  }
  return { items, refused };
}

function itemOf(value: unknown, common: Fields): PopulateItem {
  if (typeof value === 'string') return { uri: parseUri(value), ...(common.length > 0 && { fields: common }) };
  if (typeof value !== 'object' || value === null) return expected('E_SELECTOR', 'a URL', value);
  const { url, fields, hits } = value as { url?: unknown; fields?: unknown; hits?: unknown };
  const all = [...common, ...populateFields(fields)];
  return {
    uri: parseUri(typeof url === 'string' ? url : expected('E_SELECTOR', 'a URL', url)),
    ...(all.length > 0 && { fields: all }),
    ...(typeof hits === 'number' && hits >= 0 && Number.isFinite(hits) && { hits }),
  };
}

/** Fields of requests, as `{"name": "value"}`; throws E_SELECTOR. */
function populateFields(value: unknown): string[] {
  if (value === undefined) return [];
  if (typeof value !== 'object' || value === null) return expected('E_SELECTOR', 'fields as {"name": "value"}', value);
  return Object.entries(value).flatMap(([name, text]) => {
    const lower = name.toLowerCase();
    const isField =
      /^[!#$%&'*+.^_`|~0-9a-z-]+$/.test(lower) && typeof text === 'string' && /^[!-~](?:[\t -~]*[!-~])?$/.test(text);
    // The value may be a secret, so an error repeats only the name.
    return isField && lower !== 'host'
      ? [lower, text as string]
      : expected('E_SELECTOR', 'fields that a client can send', name);
  });
}
