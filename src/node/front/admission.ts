// Leads a checked request to its route: makes the URI for the cache key, and from the same parts the forwarded target
// and fields. Every part of the forwarded request that differs between keys is made here.

import type { ExplainRequest } from '../../admin/contract.ts';
import type { GateRequest } from '../../engine/contract.ts';
import { listMembers } from '../../semantics/fields.ts';
import type { TenantBounds } from '../../site/resolved.ts';
import { allowedInstead, type Router, requestOnRoute, type SiteRoute } from '../../site/router.ts';
import type { Lease } from '../cluster/cluster.ts';
import type { Peer } from './connection/arrival.ts';
import { type RequestRefusal, refused } from './refusals.ts';
import { forwardedFields } from './request-fields.ts';
import {
  type CheckedHead,
  checkHead,
  type HeadLimits,
  parseHost,
  type RawHead,
  type Scheme,
  withoutDefaultPort,
} from './request-heads.ts';
import { type Belief, believedFields, hopsTo, NO_BELIEF, type Trust, UNSTATED } from './trusted-proxies.ts';

export interface AdmissionDeps {
  /** Asked for each request. */
  readonly site: () => { readonly router: Router };
  readonly limits: HeadLimits;
  /** Asked for each request. */
  readonly trust: () => Trust;
  /** Our pseudonym in Via (RFC 9110 §7.6.3). */
  readonly cacheName: string;
  /** The gate asks itself, which counts for no bound. Default: a client asks. */
  readonly isOwn?: boolean;
  /** In a cluster: whether anything may be served from the cache now. */
  readonly lease?: Lease | undefined;
}

export interface Admitted {
  readonly kind: 'admitted';
  readonly site: SiteRoute;
  /** Without its content. */
  readonly request: GateRequest;
  readonly head: CheckedHead;
}

export type Admission =
  | Admitted
  | RequestRefusal
  /** OPTIONS for the gate itself: `*`, or Max-Forwards at 0 (RFC 9110 §9.3.7, §7.6.2). */
  | { readonly kind: 'options' };

const OPTIONS_SELF: Admission = Object.freeze({ kind: 'options' });

/** Checks the request and finds its route. */
export function admit(raw: RawHead, peer: Peer, deps: AdmissionDeps): Admission {
  const head = checkHead(raw, deps.limits);
  if (head.kind === 'refused') return head;
  const { scan } = head;
  // RFC 9110 §7.6.3: a member is `[protocol/]version pseudonym [comment]`.
  if (scan.via !== undefined && listMembers(scan.via).some((via) => via.split(/[ \t]+/)[1] === deps.cacheName)) {
    return refused('loop', scan.via);
  }
  const trust = deps.trust();
  const claims =
    scan.forwardedFor ?? scan.forwarded ?? scan.forwardedProto ?? scan.forwardedHost ?? scan.overrides ?? scan.sources;
  const believed = claims !== undefined && trust.isProxy(peer.address) ? trust.belief : NO_BELIEF;
  const place = effectivePlace(head, believed, peer);
  if (place.kind === 'refused') return place;
  const { router } = deps.site();
  if (head.target === '*') return router.knowsHost(place.host) ? OPTIONS_SELF : refused('unknown-host', place.host);
  const site = router.match(place.host, head.target);
  if (site === undefined) {
    return router.knowsHost(place.host) ? refused('no-route', head.target) : refused('unknown-host', place.host);
  }
  const beyond = site.request.bounds && beyondBounds(site.request.bounds, place.host, deps);
  if (beyond !== undefined) return beyond;
  const allow = allowedInstead(raw.method, site);
  if (allow !== undefined) return { ...refused('method-not-taken', raw.method), allow };
  if (head.framing !== 'none' && isGet(raw.method) && !site.request.bodyOnGet) {
    return refused('content-on-get', head.framing === 'chunked' ? 'chunked content' : `${head.contentLength} bytes`);
  }
  // RFC 9110 §7.6.2: forwarded with one hop less, and answered at the last one. With other methods it means nothing and ends here:
  // no key has it.
  const hops = raw.method === 'OPTIONS' ? scan.maxForwards : undefined;
  if (hops !== undefined && !/^\d{1,9}$/.test(hops)) return refused('max-forwards', hops);
  if (hops !== undefined && Number(hops) === 0) return OPTIONS_SELF;
  const maxForwards = hops === undefined ? undefined : String(Number(hops) - 1);
  return route({ raw, head, site, place, peer, trust, believed, maxForwards }, deps);
}

/** Host and scheme are in the URI. */
export type OwnRequest = Pick<ExplainRequest, 'method' | 'uri' | 'fields'>;

/**
 * A request that the gate makes itself, to explain or to fill entries: as the front would hand it to the engine, so that both
 * have equal keys. Undefined when no route takes it. `lease`: for one that explains what a client would get; a fill needs none.
 */
export function admitOwn(
  { method, uri, fields }: OwnRequest,
  router: Router,
  { limits, cacheName, lease }: Pick<AdmissionDeps, 'limits' | 'cacheName' | 'lease'>,
): GateRequest | undefined {
  const { protocol, host, origin } = new URL(uri);
  const raw = {
    method,
    target: uri.slice(origin.length) || '/',
    httpVersion: '1.1',
    rawHeaders: [...fields, 'host', host],
  };
  const scheme = protocol === 'https:' ? 'https' : 'http';
  const peer = { address: '127.0.0.1', scheme, localAuthority: () => host } as const;
  // One that would be refused is explained, too.
  const explained = lease && ({ ...lease, onLoss: 'pass' } as const);
  const deps = { site: () => ({ router }), limits, trust: () => UNSTATED, cacheName, isOwn: true, lease: explained };
  const admission = admit(raw, peer, deps);
  return admission.kind === 'admitted' ? { ...admission.request, connection: 'background' } : undefined;
}

function beyondBounds(bounds: TenantBounds, host: string, { isOwn }: AdmissionDeps): RequestRefusal | undefined {
  if (bounds.isSuspended) return refused('tenant-suspended', host);
  const retryAfterMs = isOwn === true ? 0 : bounds.waitMs();
  return retryAfterMs === 0 ? undefined : { ...refused('tenant-rate', host), retryAfterMs, beyond: bounds };
}

/** Counts the request where it goes on, or is refused, for good: a reader that hands it to another one leaves that to the other. */
export function counted(admission: Admission): Admission {
  if (admission.kind === 'admitted') admission.site.request.bounds?.count(true);
  else if (admission.kind === 'refused') admission.beyond?.count(false);
  return admission;
}

interface Routed {
  readonly raw: RawHead;
  readonly head: CheckedHead;
  readonly site: SiteRoute;
  readonly place: Place;
  readonly peer: Peer;
  readonly trust: Trust;
  readonly believed: Belief;
  readonly maxForwards: string | undefined;
}

function route(routed: Routed, { cacheName, lease }: AdmissionDeps): Admitted | RequestRefusal {
  const { raw, head, site, place, peer, trust, believed, maxForwards } = routed;
  const { method, httpVersion } = raw;
  const { host, scheme } = place;
  const { scan } = head;
  const stated = believedFields(scan, believed);
  const hops = stated && hopsTo(peer.address, stated, trust.isProxy);
  const fields = forwardedFields(scan, {
    host,
    scheme,
    originHost: site.request.originHost ?? host,
    hops: hops === undefined ? peer.address : hops.join(', '),
    overrides: believed.overrides,
    via: `${httpVersion} ${cacheName}`,
    // `Content-Length: 0` adds nothing to the method; the origin's connection states it where it matters.
    contentLength: head.framing === 'length' ? String(head.contentLength) : undefined,
    maxForwards,
  });
  const overridden = believed.overrides && scan.overrides !== undefined;
  const bypass = overridden || (head.framing !== 'none' && isGet(method));
  const arrived = { method, target: head.target, fields, bypass };
  const isObeyed = () => trust.belief.directives && trust.isProxy(peer.address);
  let forwarded = requestOnRoute(arrived, site, isObeyed);
  // The request has arrived, so what is acknowledged from now on need not be known to answer it.
  if (lease?.isLeased() === false && isGet(method) && !forwarded.bypass) {
    if (lease.onLoss === 'refuse') return { ...refused('no-lease', 'none'), retryAfterMs: 1_000 };
    forwarded = requestOnRoute({ ...arrived, bypass: 'no-lease' }, site, isObeyed);
  }
  const uri = `${scheme}://${host}${forwarded.target}`;
  const client = hops?.[0] ?? (trust.isStated ? peer.address || undefined : peer.client);
  // Through a proxy come many clients.
  const connection = hops === undefined ? peer : undefined;
  const request = { route: site.route, method, uri, body: undefined, client, connection, ...forwarded };
  return { kind: 'admitted', site, request, head };
}

interface Place {
  readonly kind: 'ok';
  readonly host: string;
  readonly scheme: Scheme;
}

/**
 * Scheme and host under which the client asked. A proxy that is believed may state both; its statement goes into the URI, so it
 * is part of the key. The first member of a list counts: the hop next to the client.
 */
function effectivePlace(head: CheckedHead, believed: Belief, peer: Peer): Place | RequestRefusal {
  const { forwardedProto, forwardedHost } = head.scan;
  let { scheme }: { scheme: Scheme } = peer;
  if (believed.scheme && forwardedProto !== undefined) {
    const stated = (listMembers(forwardedProto)[0] ?? '').toLowerCase();
    if (stated !== 'http' && stated !== 'https') return refused('forwarded-proto', forwardedProto);
    scheme = stated;
  }
  // A proxy may state in the target the scheme of the client's connection, or of its own.
  if (head.scheme !== undefined && head.scheme !== scheme && head.scheme !== peer.scheme) {
    const over = peer.scheme === 'https' ? 'a connection with TLS' : 'an unencrypted connection';
    return refused('target-scheme', `${head.scheme} over ${over}`);
  }
  let host = head.host === '' ? peer.localAuthority() : head.host;
  if (believed.host && forwardedHost !== undefined) {
    const stated = parseHost(listMembers(forwardedHost)[0] ?? '');
    if (stated === undefined) return refused('forwarded-host', forwardedHost);
    host = stated;
  }
  return { kind: 'ok', host: withoutDefaultPort(host, scheme), scheme };
}

function isGet(method: string): boolean {
  return method === 'GET' || method === 'HEAD';
}
