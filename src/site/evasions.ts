// Which rules over paths an origin lets clients walk around: `tidegate check` tries the other spellings of each pattern.

import type { Origin } from '../ports.ts';
import { compileSite } from './compile-site.ts';
import type { ResolvedRoute, ResolvedSite } from './resolved.ts';
import type { BypassRuleConfig } from './route-types.ts';
import type { Router } from './router.ts';

const SPELLINGS: readonly ((path: string) => string)[] = [
  (path) => (path.endsWith('/') ? path.slice(0, -1) : `${path}/`),
  (path) => `/${path}`,
  (path) => path.replace(/(?<=.)\//, '%2F'),
  (path) => path.replace(/^\/[^/]+/, '$&;a'),
  (path) => path.toUpperCase(),
];

/** For routes that are only looked at. */
export const NO_ORIGIN: Origin = {
  forward() {
    throw new Error('expected no request, since the routes are only looked at');
  },
};

/**
 * A line for each pattern with a spelling that gets more than the pattern: it is stored, more methods are forwarded, or fields stay
 * that the pattern's route removes. Spellings that the origin may read as the pattern, by its `paths`, get no more.
 */
export function evasions(site: ResolvedSite): readonly string[] {
  const origins = new Map(Object.keys(site.origins).map((name) => [name, NO_ORIGIN]));
  const router = compileSite({ ...site, routes: site.routes.map(byPathAlone) }, origins);
  const lines = site.routes.flatMap((route) => {
    const patterns = [route.match.path ?? [], route.bypass.map(({ path }) => path ?? [])].flat(3);
    return patterns.flatMap((pattern) => evasionsOf(pattern, route, router));
  });
  return [...new Set(lines)];
}

/** A rule that has more conditions than its path is judged as where they hold. */
function byPathAlone(route: ResolvedRoute): ResolvedRoute {
  const rules: readonly BypassRuleConfig[] = route.bypass;
  const kept = rules.filter((rule) => rule.path !== undefined || Object.keys(rule).length === 0);
  return { ...route, bypass: kept.map(({ path }) => (path === undefined ? {} : { path })) };
}

function evasionsOf(pattern: string, { name, match }: ResolvedRoute, router: Router): string[] {
  const host = ([match.host ?? 'host.invalid'].flat()[0] as string).replace(/^\*/, 'any');
  const path = pattern.replace(/\\(.)|[*?]/g, (_, escaped: string | undefined) => escaped ?? 'x').replace(/^x/, '/x');
  const most = permitted(router, host, path);
  const found = SPELLINGS.map((spell) => spell(path)).find((other) => {
    const got = other === path || other === '' ? undefined : permitted(router, host, other);
    return got !== undefined && isMore(got, most);
  });
  if (found === undefined) return [];
  const other = router.match(host, found)?.name;
  return [`route ${name}: "${pattern}" does not cover ${found}, which takes route ${other} and gets more`];
}

interface Permitted {
  readonly isStored: boolean;
  /** Undefined: all. */
  readonly methods: ReadonlySet<string> | undefined;
  /** Of requests and of answers. */
  readonly removed: readonly ReadonlySet<string>[];
}

/** Undefined: no route takes it. */
function permitted(router: Router, host: string, path: string): Permitted | undefined {
  const site = router.match(host, path);
  if (site === undefined) return undefined;
  const { bypass, methods, fields } = site.request;
  const removed = [fields.remove, site.route.responseFields.remove];
  return { isStored: bypass('GET', path, []) === false, methods, removed };
}

function isMore(got: Permitted, most: Permitted | undefined): boolean {
  if (most === undefined || (got.isStored && !most.isStored)) return true;
  if (most.removed.some((names, at) => [...names].some((name) => got.removed[at]?.has(name) !== true))) return true;
  if (most.methods === undefined) return false;
  const { methods } = most;
  return got.methods === undefined || [...got.methods].some((method) => !methods.has(method));
}
