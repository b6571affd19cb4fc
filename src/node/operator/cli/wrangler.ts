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

/** An environment of wrangler. */
export interface Surroundings {
  readonly name: string;
  /** How messages begin that are about it. */
  readonly place: string;
  readonly settings: UnknownRecord;
  readonly variables: UnknownRecord;
}

/** The top level first. Throws E_CONFIG. */
export function environmentsOf(file: string): readonly Surroundings[] {
  const wrangler = readWrangler(file);
  if (!isRecord(wrangler)) throw refused(file, [`expected an object, got ${shown(wrangler)}`]);
  const { exports, cache, triggers, env } = wrangler;
  const named = Object.entries(isRecord(env) ? env : {}).map(([name, one]) => {
    return surroundings(`env.${name}`, `env.${name}: `, { exports, cache, triggers, ...(isRecord(one) && one) });
  });
  return [surroundings('the top level', '', wrangler), ...named];
}

function surroundings(name: string, place: string, settings: UnknownRecord): Surroundings {
  return { name, place, settings, variables: isRecord(settings.vars) ? settings.vars : {} };
}

/** JSON with comments and commas before a closing bracket. */
function readWrangler(file: string): unknown {
  const text = readFileSync(file, 'utf8');
  const withoutComments = text.replace(/("(?:\\.|[^"\\])*")|\/\/[^\n]*|\/\*[\s\S]*?\*\//g, '$1');
  try {
    return JSON.parse(withoutComments.replace(/("(?:\\.|[^"\\])*")|,(?=\s*[}\]])/g, '$1'));
  } catch (error) {
    throw refused(file, [`expected JSON, with comments if need be, got ${messageOf(error)}`]);
  }
}

/**
 * A problem for each part of the wrangler configuration with which the gate would not do what it promises. `configs`: that of each
 * environment, or one of all.
 */
export function wranglerProblems(
  environments: readonly Surroundings[],
  configs: readonly ResolvedWorkersConfig[],
): string[] {
  /** First of its namespace of KV. */
  const owners = new Map<unknown, string>();
  return environments.flatMap(({ name, place, settings, variables }, at) => {
    const config = configs[at] ?? (configs[0] as ResolvedWorkersConfig);
    const namespace = namespaceOf(config, settings);
    const owner = owners.get(namespace);
    if (namespace !== undefined) owners.set(namespace, owner ?? name);
    const found = [
      ...lackingBindings(config, settings),
      ...openSecrets(config, variables),
      ...cacheProblems(config, settings),
      ...cronProblems(config, settings),
      ...(owner === undefined ? [] : [`kv.binding: ${OWN_NAMESPACE}, got that of ${owner}`]),
    ];
    return found.map((problem) => place + problem);
  });
}

function lackingBindings(config: ResolvedWorkersConfig, settings: UnknownRecord): string[] {
  const isBound = (list: string, wanted: string) => {
    const { [list]: of } = settings;
    return recordsIn(isRecord(of) ? of.bindings : of).some(({ binding, name }) => (binding ?? name) === wanted);
  };
  const lacking = neededBindings(config).filter(({ list, name }) => list !== undefined && !isBound(list, name));
  return lacking.map((binding) => missing(binding));
}

/** A token among the variables can be read by everyone who reads the wrangler configuration. */
function openSecrets({ admin }: ResolvedWorkersConfig, variables: UnknownRecord): string[] {
  if (admin === undefined || variables[admin.token] === undefined) return [];
  return [`vars.${admin.token}: expected none, since it is a secret: npx wrangler secret put ${admin.token}, got one`];
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

/** The gate does not use a namespace that another environment has used. */
const OWN_NAMESPACE = 'expected a namespace of its own (npx wrangler kv namespace create NAME)';

function namespaceOf({ tiers, kv }: ResolvedWorkersConfig, settings: UnknownRecord): unknown {
  if (!tiers.includes('kv')) return undefined;
  return recordsIn(settings.kv_namespaces).find(({ binding }) => binding === kv.binding)?.id;
}
