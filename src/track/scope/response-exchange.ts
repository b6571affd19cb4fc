// Data between an exchange and its scope when the response goes out: its route and whether a cache could store it at
// all; and the fields that say why it is not to be stored.

import type { Finished, FinishOptions } from '../contract.ts';

export interface Exchange {
  readonly method: string;
  readonly status: number;
  /** The route as the framework names it, or a path. */
  readonly route: string;
  readonly field: (name: 'cache-control' | 'cache-tag') => string | undefined;
}

const NOT_SHARED = /(?:^|[\s,])(?:no-store|private)\b/i;

export function finishOptionsOf({ method, status, route, field }: Exchange): FinishOptions {
  const isRead = method === 'GET' || method === 'HEAD';
  const mayStore = isRead && status < 500 && !NOT_SHARED.test(field('cache-control') ?? '');
  return { cacheTag: field('cache-tag'), route: `${method} ${route}`, mayStore };
}

const MAX_SEGMENT = 40;

/** A route, or a kind of key, for messages: identifiers in it are left out, or each would be one of its own. */
export function routeOfPath(target: string): string {
  const path = target.replace(/^[a-z]+:\/\/[^/]*/i, '').replace(/[?#].*$/s, '');
  return path.replace(/[^/:]+/g, (one) => (/\d/.test(one) || one.length > MAX_SEGMENT ? '*' : one)) || '/';
}

const MAX_SHOWN = 300;

export function refused(reasons: readonly string[]): Finished {
  // Texts of databases and parsers are among them.
  const shown = reasons
    .join('; ')
    .replace(/[^\x20-\x7e]+/g, ' ')
    .slice(0, MAX_SHOWN);
  return {
    isStorable: false,
    reasons,
    tags: [],
    fields: [
      ['CDN-Cache-Control', 'no-store'],
      ['Tidegate-Untracked', shown],
    ],
  };
}
