// Problems of a configuration, a line each. The schema judges each value on its own; the checks here compare values
// that must agree. They read the configuration as it was written, not as the schema would make it, so that a misspelt
// key elsewhere hides none of them.

import type { z } from 'zod';
import { shown, TidegateError } from '../../errors.ts';
import { isRecord, type UnknownRecord } from '../../options/kit.ts';
import { hint } from '../../options/names.ts';
import { type ConfigOutput, configSchema, databasesSchema } from './config-schema.ts';

type Path = readonly PropertyKey[];

/** The configuration with its defaults; throws one error that names every problem. `source`: its name there. */
export function checked(raw: unknown, source: string): ConfigOutput {
  const parsed = configSchema.safeParse(raw);
  const lines = parsed.success ? [] : parsed.error.issues.flatMap(issueLines);
  if (isRecord(raw))
    lines.push(
      ...[...originProblems(raw), ...routeProblems(raw), ...tokenProblems(raw)],
      ...[...scheduleProblems(raw), ...workerProblems(raw), ...sourceProblems(raw)],
    );
  if (!parsed.success || lines.length > 0) throw refused(source, lines);
  return parsed.data;
}

function issueLines(issue: z.core.$ZodIssue): string[] {
  if (issue.code === 'unrecognized_keys') {
    const messages = issue.message.split('\n');
    return issue.keys.map((key, at) => line([...issue.path, key], messages[at] ?? 'unknown key'));
  }
  if (issue.code === 'invalid_key') return issue.issues.map((inner) => line(issue.path, inner.message));
  return [line(issue.path, issue.message)];
}

function line(path: Path, message: string): string {
  return path.length === 0 ? `configuration: ${message}` : `${pathText(path)}: ${message}`;
}

/** `routes[0].match.host`; a key that is no identifier stands in brackets. */
function pathText(path: Path): string {
  let shown = '';
  for (const part of path) {
    if (typeof part === 'number') shown += `[${part}]`;
    else if (/^[\w$-]+$/.test(String(part))) shown += shown === '' ? String(part) : `.${String(part)}`;
    else shown += `[${JSON.stringify(String(part))}]`;
  }
  return shown;
}

function routesOf(raw: UnknownRecord): readonly unknown[] {
  return Array.isArray(raw.routes) ? raw.routes : [];
}

function originProblems(raw: UnknownRecord): string[] {
  if (!isRecord(raw.origins)) return [];
  const names = Object.keys(raw.origins);
  if (names.length === 0) return [line(['origins'], 'expected at least one origin, got none')];
  if (names.length === 1 || routesOf(raw).length > 0 || (raw.routes !== undefined && !Array.isArray(raw.routes)))
    return [];
  return [line(['routes'], `expected at least one route, since there are ${names.length} origins, got none`)];
}

function routeProblems(raw: UnknownRecord): string[] {
  const lines: string[] = [];
  const origins = isRecord(raw.origins) ? Object.keys(raw.origins) : [];
  const firstWithName = new Map<string, number>();
  for (const [at, route] of routesOf(raw).entries()) {
    if (!isRecord(route)) continue;
    const { origin, name } = route;
    const isMissing = origin === undefined && origins.length > 1;
    const isUnknown = typeof origin === 'string' && origins.length > 0 && !origins.includes(origin);
    if (isMissing || isUnknown) {
      const got = shown(origin) + hint(origin, origins);
      lines.push(line(['routes', at, 'origin'], `expected one of ${origins.join(', ')}, got ${got}`));
    }
    const effective = name ?? defaultRouteName(at);
    if (typeof effective !== 'string') continue;
    const first = firstWithName.get(effective);
    if (first === undefined) firstWithName.set(effective, at);
    else
      lines.push(
        line(['routes', at, 'name'], `expected a name of its own, got ${shown(effective)} as routes[${first}]`),
      );
  }
  return lines;
}

/** The name of a route that states none. */
export function defaultRouteName(at: number): string {
  return `route-${at + 1}`;
}

function tokenProblems(raw: UnknownRecord): string[] {
  const both = isRecord(raw.admin) && raw.admin.token !== undefined && raw.admin.tokenFile !== undefined;
  return both ? [line(['admin'], 'expected token or tokenFile, got both')] : [];
}

const SOURCES = ['urls', 'file', 'sitemap', 'manifest'] as const;

/** A fill at the start must name one source; a schedule, one source and one time. */
function scheduleProblems({ populate, schedule }: UnknownRecord): string[] {
  const lines: string[] = [];
  if (isRecord(populate) && isRecord(populate.onStart)) {
    lines.push(...notOne(populate.onStart, ['populate', 'onStart'], SOURCES));
  }
  if (!Array.isArray(schedule)) return lines;
  for (const [at, one] of schedule.entries()) {
    if (!isRecord(one)) continue;
    lines.push(...notOne(one, ['schedule', at], ['cron', 'every']), ...notOne(one, ['schedule', at], SOURCES));
  }
  return lines;
}

/** Fills without a waiting client reach several workers through the disk that they share. */
function workerProblems({ workers = 1, disk, populate, schedule }: UnknownRecord): string[] {
  if (workers === 1 || disk !== undefined) return [];
  const isScheduled = Array.isArray(schedule) && schedule.length > 0;
  if (!isScheduled && !(isRecord(populate) && populate.onStart !== undefined)) return [];
  return [line(['disk'], 'expected a disk tier, since several workers are to share what is filled, got none')];
}

/** The databases alone; throws for what is wrong with them, and for keys that may have been meant for them. */
export function checkedDatabases(raw: unknown, source: string): ConfigOutput['sources'] {
  const { error } = configSchema.safeParse(raw);
  const own = (error?.issues ?? []).filter(
    ({ path, code }) => path[0] === 'sources' || (path.length === 0 && code !== 'invalid_type'),
  );
  const others = isRecord(raw) ? sourceProblems(raw) : ['configuration: expected an object'];
  const problems = [...own.flatMap(issueLines), ...others];
  if (problems.length > 0) throw refused(source, problems);
  return databasesSchema.parse(isRecord(raw) ? raw.sources : undefined);
}

function sourceProblems({ sources }: UnknownRecord): string[] {
  if (!isRecord(sources)) return [];
  return Object.entries(sources).flatMap(([name, source]) =>
    isRecord(source) ? notOne(source, ['sources', name], ['sqlite', 'postgres']) : [],
  );
}

function notOne(section: UnknownRecord, path: Path, keys: readonly string[]): string[] {
  const given = keys.filter((key) => section[key] !== undefined && section[key] !== false);
  if (given.length === 1) return [];
  return [line(path, `expected exactly one of ${keys.join(', ')}, got ${given.join(' and ') || 'none'}`)];
}

/** An error that names every problem. */
export function refused(source: string, problems: readonly string[]): TidegateError {
  const count = problems.length === 1 ? 'one problem' : `${problems.length} problems`;
  return new TidegateError('E_CONFIG', [`${source} has ${count}:`, ...problems].join('\n  '));
}
