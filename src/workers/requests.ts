// The way of a request to its route, on Workers.

import { type PathTrap, pathTrap } from '../entry/path-readings.ts';
import { allowedInstead, type Router, requestOnRoute, type SiteRoute } from '../site/router.ts';
import { askedBy, requestHead, type UnroutedRequest, urlParts, withoutClaims } from '../web/request.ts';

/** A request, or why it has no place in this gate. `asked` undefined: it is none for a cache, such as an upgrade. */
export type Routed =
  | { readonly kind: 'routed'; readonly site: SiteRoute; readonly asked: UnroutedRequest | undefined }
  | {
      readonly kind: 'refused';
      readonly status: 400 | 404 | 405 | 421;
      readonly text: string;
      readonly allow?: string;
    };

const REFUSED_PATHS: Readonly<Record<PathTrap, string>> = {
  'dot-segment': 'Expected dot segments as "." and ".." between slashes that are not encoded.',
  nul: 'Expected a path without "%00".',
};

export function routed(request: Request, router: Router): Routed {
  const { host, target } = urlParts(request.url);
  const trap = pathTrap(target);
  if (trap !== undefined) return { kind: 'refused', status: 400, text: `${REFUSED_PATHS[trap]}\n` };
  const site = router.match(host, target);
  if (site !== undefined) {
    const { method } = request;
    const allow = allowedInstead(method, site);
    if (allow !== undefined) {
      return { kind: 'refused', status: 405, text: `The route takes ${allow}, not ${method}.\n`, allow };
    }
    const head = requestHead(request);
    if (head === undefined) return { kind: 'routed', site, asked: undefined };
    // A write as well: where an origin obeyed its claim, it would change another URI than the one that is invalidated.
    const arrived = { ...head, fields: withoutClaims(head.fields) };
    const forwarded = requestOnRoute(arrived, site, () => false);
    return { kind: 'routed', site, asked: askedBy(request, head, forwarded) };
  }
  if (!router.knowsHost(host)) return { kind: 'refused', status: 421, text: `No route has the host ${host}.\n` };
  return { kind: 'refused', status: 404, text: `No route takes ${target.split('?', 1)[0]}.\n` };
}
