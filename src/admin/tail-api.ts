// The exchanges of a running gate as they end, a line of JSON each: `GET /tail`.
//
// Who does not read fast enough loses lines, and is told how many: nothing waits for an operator.

import { MAX_GLOB } from '../entry/uri-forms.ts';
import { expected } from '../errors.ts';
import { globMatcher } from '../ledger/glob.ts';
import { NO_FIELDS } from '../semantics/fields.ts';
import type { AdminResponse, TailApi, TailFilter, TailLine } from './contract.ts';

export const TAIL_KEYS = ['route', 'outcome', 'url', 'status'] as const satisfies readonly (keyof TailFilter)[];

/** What a listener may leave unread before it loses lines. */
const MAX_UNREAD_BYTES = 256 * 1024;

export function tail(api: TailApi, query: URLSearchParams): AdminResponse {
  const given = TAIL_KEYS.flatMap((key) => (query.has(key) ? [[key, query.get(key) as string] as const] : []));
  const filter: TailFilter = Object.fromEntries(given);
  tailTest(filter);
  const stream: AdminResponse['stream'] = (write, _end, unread) => {
    let lost = 0;
    return api.listen(filter, (line) => {
      const lines = 'lost' in line ? line.lost : 1;
      if (unread() > MAX_UNREAD_BYTES) {
        lost += lines;
        return;
      }
      if ('lost' in line) lost += line.lost;
      if (lost > 0 || 'lost' in line) write(`${JSON.stringify({ lost })}\n`);
      lost = 0;
      if (!('lost' in line)) write(`${JSON.stringify(line)}\n`);
    });
  };
  return { status: 200, contentType: 'application/x-ndjson', fields: NO_FIELDS, body: '', stream };
}

/** Whether a line is one that was asked for. Throws E_SELECTOR for a filter that is none. */
export function tailTest({ route, outcome, url, status }: TailFilter): (line: TailLine) => boolean {
  if (status !== undefined && !/^[1-5](?:xx|\d\d)$/.test(status)) {
    expected('E_SELECTOR', 'a status such as 404, or a class of them such as 5xx', status);
  }
  if (url !== undefined && url.length > MAX_GLOB) {
    expected('E_SELECTOR', `a glob of at most ${MAX_GLOB} characters`, `one of ${url.length}`);
  }
  const isUrl = url === undefined ? undefined : globMatcher(url);
  const isStatus = (got: number) => status === undefined || String(got).startsWith(status.replace('xx', ''));
  return (line) =>
    (route === undefined || line.route === route) &&
    (outcome === undefined || line.outcome === outcome) &&
    isStatus(line.status) &&
    (isUrl === undefined || isUrl(line.path) || isUrl(line.host + line.path));
}
