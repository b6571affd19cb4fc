// Which routes take no request, since earlier ones take all that they match.

import { compileSite } from './compile-site.ts';
import { NO_ORIGIN } from './evasions.ts';
import type { ResolvedSite } from './resolved.ts';

/** What no earlier pattern has by chance, in place of what a pattern leaves open. */
const ANYTHING = 'x7-any';

/** A line for each route of which every pattern is taken by an earlier route, as far as one request of each tells. */
export function unreachableRoutes(site: ResolvedSite): readonly string[] {
  const origins = new Map(Object.keys(site.origins).map((name) => [name, NO_ORIGIN]));
  const router = compileSite(site, origins);
  return site.routes.flatMap(({ name, match }) => {
    const hosts = [match.host ?? `${ANYTHING}.invalid`].flat().map((host) => host.replace(/^\*/, ANYTHING));
    const paths = [match.path ?? `/${ANYTHING}`].flat().map(examplePath);
    const takers = hosts.flatMap((host) => paths.map((path) => router.match(host, path)?.name));
    if (takers.includes(name) || takers.includes(undefined)) return [];
    const others = [...new Set(takers)].join(', ');
    return [`route ${name}: takes no request, since ${others} before it takes all that it matches`];
  });
}

function examplePath(pattern: string): string {
  const path = pattern.replace(/\\(.)|[*?]/g, (found, escaped = found === '*' ? ANYTHING : 'x') => escaped);
  return path.startsWith('/') ? path : `/${path}`;
}
