// The way of a request to its route, on Workers: what of it is in the cache key, and what is forwarded.

import { editFields, normaliseTarget, type Router, type SiteRoute } from '../site/router.ts';
import { type UnroutedRequest, unroutedRequest } from '../web/request.ts';

/** A request, or why it has no place in this gate. `asked` undefined: it is none for a cache, such as an upgrade. */
export type Routed =
  | { readonly kind: 'routed'; readonly site: SiteRoute; readonly asked: UnroutedRequest | undefined }
  | { readonly kind: 'refused'; readonly status: 404 | 421; readonly text: string };

export function routed(request: Request, router: Router): Routed {
  const { host, pathname } = new URL(request.url);
  const site = router.match(host, pathname);
  if (site !== undefined) return { kind: 'routed', site, asked: askedOf(request, site) };
  if (router.knowsHost(host)) return { kind: 'refused', status: 404, text: `No route takes ${pathname}.\n` };
  return { kind: 'refused', status: 421, text: `No route has the host ${host}.\n` };
}

/** Equal keys forward equal requests: target and fields are made from the parts that are in the key. */
function askedOf(request: Request, { request: rules, route }: SiteRoute): UnroutedRequest | undefined {
  return unroutedRequest(request, route.policy, {
    target: (target) => normaliseTarget(target, rules),
    fields: (fields) => editFields(fields, rules.fields),
    bypass: rules.bypass,
  });
}
