// The wrangler configuration of a Worker, held against the gate's: bindings, the platform's cache, cron triggers.
//
// Wrangler passes bindings on to no environment that has none of its own, so each environment is looked at. Secrets stand in
// no file: only a request can tell whether they are there.

import { readFileSync } from 'node:fs';
import { messageOf, shown } from '../../../errors.ts';
import { isRecord, type UnknownRecord } from '../../../options/kit.ts';
import { refused } from '../../../options/sections.ts';
import { missing, neededBindings } from '../../../site/bindings.ts';
import type { ResolvedWorkersConfig } from '../../../site/workers-config.ts';

/** JSON with comments and commas before a closing bracket. */
export function readWrangler(file: string): unknown {
  const text = readFileSync(file, 'utf8');
  const withoutComments = text.replace(/("(?:\\.|[^"\\])*")|\/\/[^\n]*|\/\*[\s\S]*?\*\//g, '$1');
  try {
    return JSON.parse(withoutComments.replace(/("(?:\\.|[^"\\])*")|,(?=\s*[}\]])/g, '$1'));
  } catch (error) {
    throw refused(file, [`expected JSON, with comments if need be, got ${messageOf(error)}`]);
  }
}

/** An environment, and how messages begin that are about it. */
type Environment = readonly [place: string, settings: UnknownRecord];

/** A problem for each part of the wrangler configuration with which the gate would not do what it promises. */
export function wranglerProblems(config: ResolvedWorkersConfig, wrangler: unknown): string[] {
  if (!isRecord(wrangler)) return [`expected an object, got ${shown(wrangler)}`];
  const { exports, cache, triggers } = wrangler;
  const named = Object.entries(isRecord(wrangler.env) ? wrangler.env : {}).map(([name, one]): Environment => {
    return [`env.${name}: `, { exports, cache, triggers, ...(isRecord(one) && one) }];
  });
  const environments: readonly Environment[] = [['', wrangler], ...named];
  const ofEach = environments.flatMap(([place, one]) =>
    [...lackingBindings(config, one), ...cacheProblems(config, one), ...cronProblems(config, one)].map(
      (problem) => place + problem,
    ),
  );
  return [...ofEach, ...sharedNamespaces(config, environments)];
}

function lackingBindings(config: ResolvedWorkersConfig, settings: UnknownRecord): string[] {
  const bound = boundNames(settings);
  const lacking = neededBindings(config).filter(({ what, name }) => what !== 'a secret' && !bound.includes(name));
  return lacking.map((binding) => missing(binding));
}

/** Before the gate itself the platform's cache would answer what is outdated; behind it, it is a tier. */
function cacheProblems({ tiers }: ResolvedWorkersConfig, { cache, exports }: UnknownRecord): string[] {
  const isCached = (name: string, otherwise: unknown) => {
    const own = isRecord(exports) && isRecord(exports[name]) ? exports[name].cache : undefined;
    const { enabled } = isRecord(own) ? own : isRecord(otherwise) ? otherwise : {};
    return enabled === true;
  };
  const problems: string[] = [];
  if (isCached('default', cache)) {
    problems.push(
      'exports.default.cache.enabled: expected false, since the gate itself decides what is served, got true',
    );
  }
  if (tiers.includes('workers-cache') && !isCached('TidegateStored', cache)) {
    const setting = '"exports": { "TidegateStored": { "type": "worker", "cache": { "enabled": true } } }';
    problems.push(`tiers: expected the platform's cache before TidegateStored, got none; it comes by ${setting}`);
  }
  return problems;
}

function cronProblems({ schedule }: ResolvedWorkersConfig, { triggers }: UnknownRecord): string[] {
  const crons: readonly unknown[] = isRecord(triggers) && Array.isArray(triggers.crons) ? triggers.crons : [];
  return schedule.flatMap(({ cron }, at) => {
    if (crons.includes(cron)) return [];
    return `schedule[${at}].cron: expected one of triggers.crons, ${crons.join(', ') || 'which has none'}, got ${shown(cron)}`;
  });
}

function recordsIn(list: unknown): readonly UnknownRecord[] {
  return Array.isArray(list) ? list.filter(isRecord) : [];
}

function boundNames({ kv_namespaces: kv, durable_objects: objects, services }: UnknownRecord): unknown[] {
  const ofObjects = recordsIn(isRecord(objects) ? objects.bindings : undefined);
  return [...recordsIn(kv), ...recordsIn(services), ...ofObjects].map(({ binding, name }) => binding ?? name);
}

/** Environments that share a namespace would serve each other's responses, unless their keys tell them apart. */
function sharedNamespaces(
  { tiers, kv, environment }: ResolvedWorkersConfig,
  environments: readonly Environment[],
): string[] {
  if (!tiers.includes('kv') || environment !== 'production') return [];
  const first = new Map<unknown, string>();
  return environments.flatMap(([place, one]) => {
    const own = recordsIn(one.kv_namespaces).find(({ binding }) => binding === kv.binding);
    if (own?.id === undefined) return [];
    const before = first.get(own.id);
    first.set(own.id, before ?? place);
    if (before === undefined) return [];
    const where = before === '' ? 'the top level' : before.slice(0, -2);
    return `${place}kv.binding: expected a namespace of its own, or an environment in the configuration, got that of ${where}`;
  });
}
