// Values of a configuration that must agree with each other. Read is the configuration as it was written, not as its tables
// make it, so that a misspelt key elsewhere hides none of these problems.

import { shown } from '../errors.ts';
import { isRecord, type UnknownRecord } from '../options/kit.ts';
import { hint } from '../options/names.ts';
import { below, exactlyOne, type Tell } from '../options/sections.ts';
import { LISTED } from '../semantics/preferences.ts';

function routesOf(raw: UnknownRecord): readonly unknown[] {
  return Array.isArray(raw.routes) ? raw.routes : [];
}

/** Origins and routes. */
export function checkSite(raw: UnknownRecord, tell: Tell): void {
  checkOrigins(raw, tell);
  checkRoutes(raw, tell);
}

function checkOrigins(raw: UnknownRecord, tell: Tell): void {
  if (!isRecord(raw.origins)) return;
  const names = Object.keys(raw.origins);
  if (names.length === 0) tell('expected at least one origin, got none', ['origins']);
  if (names.length <= 1 || routesOf(raw).length > 0 || (raw.routes !== undefined && !Array.isArray(raw.routes))) return;
  tell(`expected at least one route, since there are ${names.length} origins, got none`, ['routes']);
}

function checkRoutes(raw: UnknownRecord, tell: Tell): void {
  const origins = isRecord(raw.origins) ? Object.keys(raw.origins) : [];
  const firstWithName = new Map<string, number>();
  for (const [at, route] of routesOf(raw).entries()) {
    if (!isRecord(route)) continue;
    if (isRecord(route.variants)) checkVariants(route, below(below(tell, 'routes'), at));
    const { origin, name } = route;
    const isMissing = origin === undefined && origins.length > 1;
    const isUnknown = typeof origin === 'string' && origins.length > 0 && !origins.includes(origin);
    if (isMissing || isUnknown) {
      const got = shown(origin) + hint(origin, origins);
      tell(`expected one of ${origins.join(', ')}, got ${got}`, ['routes', at, 'origin']);
    }
    const effective = name ?? defaultRouteName(at);
    if (typeof effective !== 'string') continue;
    const first = firstWithName.get(effective);
    if (first === undefined) firstWithName.set(effective, at);
    else tell(`expected a name of its own, got ${shown(effective)} as routes[${first}]`, ['routes', at, 'name']);
  }
}

/** Lists that could have no effect, or two. */
function checkVariants({ variants, compress, request }: UnknownRecord, tell: Tell): void {
  const { set, remove } = isRecord(request) ? request : {};
  const edited = [...(isRecord(set) ? Object.keys(set) : []), ...(Array.isArray(remove) ? remove : [])];
  for (const [key, field] of Object.entries(LISTED)) {
    const list = (variants as UnknownRecord)[key];
    if (!Array.isArray(list)) continue;
    const refuse = (problem: string) => tell(problem, ['variants', key]);
    const values = list.map((value) => String(value).toLowerCase());
    const twice = values.find((value, at) => values.indexOf(value) < at);
    if (twice !== undefined) refuse(`expected each value once, got ${shown(twice)} twice`);
    if (edited.some((name) => String(name).toLowerCase() === field)) {
      refuse(`expected no list for a field that the route edits itself (request), got one for ${field}`);
    }
    if (field === LISTED.acceptEncoding && compress !== undefined && compress !== false) {
      refuse('expected no list on a route that codes answers itself (compress.codings says which), got one');
    }
  }
}

/** The name of a route that states none. */
export function defaultRouteName(at: number): string {
  return `route-${at + 1}`;
}

/** `sources`: a fill names one of them; `times`: a schedule names one of them as well. */
export function checkFills(
  { populate, schedule }: UnknownRecord,
  { sources, times }: { readonly sources: readonly string[]; readonly times: readonly string[] },
  tell: Tell,
): void {
  if (isRecord(populate) && isRecord(populate.onStart)) {
    exactlyOne(populate.onStart, sources, below(below(tell, 'populate'), 'onStart'));
  }
  if (!Array.isArray(schedule)) return;
  for (const [at, one] of schedule.entries()) {
    if (!isRecord(one)) continue;
    const here = below(below(tell, 'schedule'), at);
    exactlyOne(one, times, here);
    exactlyOne(one, sources, here);
  }
}
