// The part of the admin API that fills entries with no client waiting: jobs are begun, listed, followed and cancelled.
//
// A long list does not fit into one call. So a job may be begun with a part of it and `more`, and
// given the rest by further calls.

import type { PopulateItem } from '../engine/populate/populate-item.ts';
import type { JobProgress } from '../engine/populate/populate-job.ts';
import { parseSelectors } from '../entry/selectors.ts';
import { parseUri } from '../entry/uri-forms.ts';
import { expected } from '../errors.ts';
import type { Selector } from '../ledger/selector.ts';
import type { Fields } from '../semantics/fields.ts';
import { type AdminResponse, type AdminRoute, failure, json, parseJson, streamed } from './answers.ts';
import { OPERATOR_MEMBERS } from './changes.ts';
import { populateFields, populateItem, shownItem } from './populate-items.ts';

export interface PopulateStart {
  readonly cause: 'operator' | 'publish' | 'missing';
  readonly name?: string;
  readonly concurrency?: number;
  readonly ratePerSecond?: number;
  /** The items of the call, and its entries that are no URL. */
  readonly items?: readonly PopulateItem[];
  readonly refused?: readonly string[];
  /** Whether further calls will give more items. */
  readonly more?: boolean;
  /** The source of the items, in place of a list. */
  readonly source?:
    | { readonly kind: 'sitemap'; readonly name: string; readonly url: string; readonly fields: Fields }
    | { readonly kind: 'stored'; readonly name: string; readonly selectors: readonly Selector[] };
}

/** Fills entries; the composition root hands it in. */
export interface PopulateApi {
  /** Throws E_POPULATE when too much waits already. */
  begin(start: PopulateStart): JobProgress;
  /** Gives more to a job; throws E_POPULATE when it takes none. */
  give(id: string, portion: { items: readonly PopulateItem[]; refused: readonly string[]; more: boolean }): void;
  state(): {
    readonly waiting: number;
    readonly inFlight: number;
    readonly schedules: readonly object[];
    readonly jobs: readonly JobProgress[];
  };
  progress(id: string): JobProgress | undefined;
  /** Tells of the job now and after each step, until it is over. Calling the result ends that. */
  follow(id: string, listener: (progress: JobProgress) => void): () => void;
  cancel(id: string): boolean;
}

const KEYS: ReadonlySet<string> = new Set(
  'urls sitemap manifest tag prefix pattern origin job more cause name fields concurrency ratePerSecond'.split(' '),
);
const SOURCES = ['urls', 'sitemap', 'manifest', 'tag', 'prefix', 'pattern', 'origin'] as const;
const CAUSES: readonly unknown[] = ['operator', 'publish', 'missing'];

type Body = Readonly<Record<string, unknown>>;

export function populateRoutes(api: PopulateApi): AdminRoute[] {
  const post = (path: string, answer: (body: unknown) => AdminResponse): AdminRoute => ({
    method: 'POST',
    path,
    keys: [],
    answer: async (_query, bodyText) => answer(parseJson(bodyText, 'what to fill')),
  });
  return [
    { method: 'GET', path: '/populate', keys: ['job', 'follow'], answer: async (query) => showPopulate(api, query) },
    post('/populate', (body) => startPopulate(api, body)),
    post('/populate/cancel', (body) => cancelPopulate(api, body)),
  ];
}

/** GET /populate: all jobs, one job, or one job as it progresses, a line of JSON for each step. */
function showPopulate(api: PopulateApi, query: URLSearchParams): AdminResponse {
  const id = query.get('job');
  if (id === null)
    return query.has('follow')
      ? expected('E_SELECTOR', 'the query key job beside follow', undefined)
      : json(200, api.state());
  const progress = api.progress(id);
  if (progress === undefined) return noJob(id);
  if (!query.has('follow')) return json(200, progress);
  return streamed('application/x-ndjson', (write, end) =>
    api.follow(id, (step) => {
      write(`${JSON.stringify(step)}\n`);
      if (step.state !== 'running') end();
    }),
  );
}

/** POST /populate */
function startPopulate(api: PopulateApi, body: unknown): AdminResponse {
  const asked = bodyOf(body);
  const { items, refused } = itemsOf(asked);
  const more = asked.more === true;
  if (asked.job !== undefined) {
    const id = textOf(asked, 'job');
    if (api.progress(id) === undefined) return noJob(id);
    api.give(id, { items, refused, more });
    return json(202, api.progress(id));
  }
  const cause = asked.cause ?? 'operator';
  if (!CAUSES.includes(cause)) expected('E_SELECTOR', `one of ${CAUSES.join(', ')} as cause`, cause);
  const given = SOURCES.filter((name) => asked[name] !== undefined);
  if (given.length !== 1) expected('E_SELECTOR', `exactly one of ${SOURCES.join(', ')}`, given.join(' and ') || 'none');
  const source = sourceOf(asked);
  const start: PopulateStart = {
    cause: cause as PopulateStart['cause'],
    ...(asked.name !== undefined && { name: textOf(asked, 'name') }),
    ...limitOf(asked, 'concurrency'),
    ...limitOf(asked, 'ratePerSecond'),
    ...(source === undefined ? { items, refused, more } : { source }),
  };
  return json(202, api.begin(start));
}

/** POST /populate/cancel */
function cancelPopulate(api: PopulateApi, body: unknown): AdminResponse {
  const id = textOf(body as Body, 'job');
  const progress = api.progress(id);
  if (progress === undefined) return noJob(id);
  return json(200, { ...progress, cancelled: api.cancel(id), ...api.progress(id) });
}

function noJob(id: string): AdminResponse {
  return failure({ status: 404, message: `expected the id of a job, got ${JSON.stringify(id)}`, code: 'E_POPULATE' });
}

function bodyOf(body: unknown): Body {
  if (typeof body !== 'object' || body === null || Array.isArray(body))
    return expected('E_SELECTOR', 'an object', body);
  for (const key of Object.keys(body))
    if (!KEYS.has(key)) expected('E_SELECTOR', `only the keys ${[...KEYS].join(', ')}`, key);
  return body as Body;
}

function itemsOf({ urls, fields }: Body): { readonly items: PopulateItem[]; readonly refused: string[] } {
  const common = populateFields(fields);
  if (urls === undefined) return { items: [], refused: [] };
  if (!Array.isArray(urls)) return expected('E_SELECTOR', 'a list as "urls"', urls);
  const items: PopulateItem[] = [];
  const refused: string[] = [];
  for (const url of urls as unknown[]) {
    const item = populateItem(url, common);
    if (item === undefined) refused.push(shownItem(url));
    else items.push(item);
  }
  return { items, refused };
}

function sourceOf(asked: Body): PopulateStart['source'] {
  if (asked.urls !== undefined) return undefined;
  if (asked.sitemap !== undefined) {
    const url = parseUri(textOf(asked, 'sitemap'));
    return { kind: 'sitemap', name: url, url, fields: populateFields(asked.fields) };
  }
  if (asked.fields !== undefined) expected('E_SELECTOR', 'fields beside urls or sitemap only', 'fields');
  if (asked.manifest !== undefined) {
    if (asked.manifest !== true) expected('E_SELECTOR', '{"manifest": true}', asked.manifest);
    return { kind: 'stored', name: 'manifest', selectors: [{ kind: 'all' }] };
  }
  const [name, value] = Object.entries(asked).find(([key]) => (SOURCES as readonly string[]).includes(key)) as [
    string,
    unknown,
  ];
  return {
    kind: 'stored',
    name: `${name} ${String(value)}`,
    selectors: parseSelectors({ [name]: value }, OPERATOR_MEMBERS),
  };
}

function textOf(body: Body | null | undefined, key: string): string {
  const value = body?.[key];
  return typeof value === 'string' && value !== '' ? value : expected('E_SELECTOR', `text as "${key}"`, value);
}

function limitOf(body: Body, key: 'concurrency' | 'ratePerSecond'): Partial<PopulateStart> {
  const value = body[key];
  if (value === undefined) return {};
  const good = typeof value === 'number' && Number.isInteger(value) && value >= 1;
  if (!good) expected('E_SELECTOR', `an integer, 1 or more, as "${key}"`, value);
  return { [key]: value };
}
