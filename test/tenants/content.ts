// What the origins of all worlds answer. Two worlds that ask for the same get the same, so a difference is the gate's.

import type { Forward, Origin, OriginListener, OriginRequest, Tasks } from '../../src/ports.ts';
import { type Fields, fieldValue } from '../../src/semantics/fields.ts';

/** Paths of every tenant, and of the configuration file: the same ones, so that names collide as often as they can. */
export const PATHS = ['/a', '/b', '/c?x=1', '/c?x=2', '/db/1', '/db/2', '/img/1', '/img/2'] as const;
export const TAGS = ['news', 'all', 'user-1'] as const;
export const SOURCE = 'shop';

/** One tenant's data: a version of each path. */
export class Content {
  readonly #versions = new Map<string, number>();
  /** Ms until an origin answers. */
  delayMs = 0;

  change(path: string): void {
    this.#versions.set(path, this.version(path) + 1);
  }

  version(path: string): number {
    return this.#versions.get(path) ?? 1;
  }
}

function tagsOf(path: string): string {
  const own = `p${path.replace(/\W/g, '-')}`;
  if (path.startsWith('/db/')) return `tg-source:${SOURCE}, ${own}, news`;
  return path.startsWith('/img/') ? `${own}, all` : `${own}, ${path === '/a' ? 'news, user-1' : 'news, all'}`;
}

function answerTo({ method, target, fields }: OriginRequest, content: Content, originName: string) {
  const version = content.version(target);
  if (method === 'POST') {
    content.change(target);
    const group = ['cache-group-invalidation', '"users"', 'content-location', '/a'];
    return { status: 200, fields: [...group, 'content-length', '4'], body: 'done' };
  }
  const etag = `"${originName}${version}"`;
  const common: Fields = [
    ...['cache-control', target.startsWith('/db/') ? 'max-age=30, stale-while-revalidate=20' : 'max-age=60'],
    ...['cache-tag', tagsOf(target), 'cache-groups', '"users"', 'etag', etag],
  ];
  if (fieldValue(fields, 'if-none-match') === etag) return { status: 304, fields: common, body: '' };
  const body = `${originName} ${target} ${version}`;
  return { status: 200, fields: [...common, 'content-length', String(body.length)], body };
}

/** An origin of the tenant; it reads its data when the request comes, and answers after a while. */
export function originOf(content: Content, originName: string, tasks: Tasks): Origin {
  return {
    forward: (request: OriginRequest, listener: OriginListener): Forward => {
      let over = false;
      const { status, fields, body } = answerTo(request, content, originName);
      tasks.later(content.delayMs, () => {
        if (over) return;
        listener.head({ status, fields }, true);
        if (over) return;
        if (body !== '' && request.method !== 'HEAD') listener.data(new TextEncoder().encode(body));
        listener.end([]);
      });
      return {
        pause: () => {},
        resume: () => {},
        abort: () => {
          over = true;
        },
      };
    },
  };
}
