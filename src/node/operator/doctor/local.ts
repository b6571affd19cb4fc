// What can be seen from this machine: the disk, the certificates that clients are shown, and what routes say.

import { X509Certificate } from 'node:crypto';
import { existsSync, readFileSync, statfsSync } from 'node:fs';
import { dirname } from 'node:path';
import { compileSite } from '../../../site/compile-site.ts';
import { evasions, NO_ORIGIN } from '../../../site/evasions.ts';
import type { ResolvedRoute } from '../../../site/resolved.ts';
import type { Router } from '../../../site/router.ts';
import { unreachableRoutes } from '../../../site/unreachable.ts';
import type { ResolvedConfig } from '../../config/config.ts';
import { counted } from '../../counted.ts';
import { sizeText } from '../cli/text.ts';
import { amiss, type Finding, fine } from './finding.ts';

const DAY_MS = 86_400_000;
const FEW_DAYS = 14;

export function localFindings(config: ResolvedConfig, now: number): Finding[] {
  return [...ofDisk(config), ...ofCertificates(config, now), ...ofRoutes(config)];
}

function ofDisk({ disk }: ResolvedConfig): Finding[] {
  if (disk === undefined) return [];
  let place = disk.path;
  while (!existsSync(place)) place = dirname(place);
  const { bavail, bsize } = statfsSync(place);
  const free = bavail * bsize;
  const what = `${disk.path}: ${sizeText(free)} free, and disk.maxBytes is ${sizeText(disk.maxBytes)}`;
  // What a folder that is in use holds is not free, and need not be.
  const needed = place === disk.path ? disk.maxBytes / 20 : disk.maxBytes;
  if (free >= needed) return [fine('disk', what)];
  return [
    amiss('disk', 'warning', [
      what,
      'free some space, or lower disk.maxBytes: where the disk is full, entries go early',
    ]),
  ];
}

function ofCertificates({ listen }: ResolvedConfig, now: number): Finding[] {
  return (listen.tls?.certificates ?? []).map(({ cert }) => {
    const days = Math.floor((Date.parse(new X509Certificate(readFileSync(cert)).validTo) - now) / DAY_MS);
    const what = `${cert}: valid for ${days} days more`;
    if (days < 0) return amiss('certificate', 'error', [what, 'renew it: clients refuse it']);
    if (days >= FEW_DAYS) return fine('certificate', what);
    return amiss('certificate', 'warning', [what, 'renew it; the gate takes the new one at a reload (SIGHUP)']);
  });
}

function ofRoutes(config: ResolvedConfig): Finding[] {
  const origins = new Map(Object.keys(config.origins).map((name) => [name, NO_ORIGIN]));
  const router = compileSite(config, origins);
  const found = config.routes.flatMap((route) => [
    ...ofCookies(route),
    ...ofPersonal(route, router),
    ...ofSetCookie(route),
  ]);
  const mend = 'name that spelling as well, or say by "paths" of the origin that it does not read it so';
  const order = 'put it before them, or leave it out: the first route that matches takes a request';
  const all = [
    ...found,
    ...unreachableRoutes(config).map((line) => amiss('routes', 'warning', [line, order])),
    ...evasions(config).map((line) => amiss('routes', 'warning', [line, mend])),
  ];
  return all.length > 0
    ? all
    : [fine('routes', `${counted(config.routes.length, 'route')}, and nothing suspicious in them`)];
}

/** With a freshness of its own, a route speaks for URLs, and does not know who asks. */
function givesFreshness({ ttlMs, defaultTtlMs, negativeTtlMs }: ResolvedRoute): boolean {
  return ttlMs !== undefined || defaultTtlMs !== undefined || negativeTtlMs > 0;
}

/** Whether requests lose what says who asks. */
function ignoresCredentials({ cookies, request }: ResolvedRoute): boolean {
  const isRemoved = request.remove.some((name) => /^(?:cookie|authorization)$/i.test(name));
  return isRemoved || (cookies?.drop === 'all' && (cookies.key ?? []).length === 0);
}

function ofCookies(route: ResolvedRoute): Finding[] {
  const { name, cookies } = route;
  if (ignoresCredentials(route)) {
    const what = `route ${name}: cookies or Authorization are ignored, so all visitors get one answer`;
    const mend =
      'drop only cookies that do not matter, such as _ga*, and name in cookies.key those that answers differ by';
    return [amiss('routes', 'warning', [what, mend])];
  }
  if (cookies !== undefined || !givesFreshness(route)) return [];
  const what = `route ${name}: requests with any cookie go past the cache, since it gives freshness and has no "cookies"`;
  return [amiss('routes', 'warning', [what, "name cookies that do not matter, such as cookies: { drop: ['_ga*'] }"])];
}

/** Paths that mostly show what is somebody's own. */
const PERSONAL = ['/account', '/me', '/cart', '/checkout', '/profile', '/settings', '/orders', '/inbox', '/admin'];

function ofPersonal(route: ResolvedRoute, router: Router): Finding[] {
  if (!ignoresCredentials(route) || !givesFreshness(route)) return [];
  const host = ([route.match.host ?? 'host.invalid'].flat()[0] as string).replace(/^\*/, 'any');
  const personal = PERSONAL.filter((path) => {
    const site = router.match(host, path);
    return site?.name === route.name && site.request.bypass('GET', path, []) === false;
  });
  if (personal.length === 0) return [];
  const what = `route ${route.name}: personal answers would be stored for everyone, if the site has ${personal.join(', ')}`;
  return [
    amiss('routes', 'warning', [
      what,
      `let them past the cache: bypass: [{ path: ['${personal[0]}', '${personal[0]}/*'] }]`,
    ]),
  ];
}

function ofSetCookie({ name, response }: ResolvedRoute): Finding[] {
  if (!response.remove.some((field) => field.toLowerCase() === 'set-cookie')) return [];
  const what = `route ${name}: Set-Cookie is taken from answers, which are then stored for everyone`;
  return [amiss('routes', 'warning', [what, "make sure that no answer with Set-Cookie shows what is somebody's own"])];
}
