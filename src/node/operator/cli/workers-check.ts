// `tidegate check --platform workers`: the configuration of a gate on Workers, and the wrangler configuration beside it.
//
// Wrangler passes bindings on to no environment that has none of its own, so each environment is looked at. Secrets stand in
// no file: only a request can tell whether they are there.

import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { messageOf, shown } from '../../../errors.ts';
import { isRecord, type UnknownRecord } from '../../../options/kit.ts';
import { refused } from '../../../options/sections.ts';
import { missing, neededBindings } from '../../../site/bindings.ts';
import { checkedWorkersConfig, type ResolvedWorkersConfig } from '../../../site/workers-config.ts';
import { type ConfigPlace, readConfig } from '../../config/config.ts';

/** What is said of a right configuration. Rejects with E_CONFIG, which names every problem. */
export async function checkWorkers(place: ConfigPlace, asJson: boolean): Promise<string> {
  const { file, raw } = await readConfig(place);
  const config = checkedWorkersConfig(raw, file);
  const found = ['wrangler.jsonc', 'wrangler.json'].map((name) => join(dirname(file), name)).find(existsSync);
  const problems = found === undefined ? [] : wranglerProblems(config, readWrangler(found));
  if (found !== undefined && problems.length > 0) throw refused(found, problems);
  if (asJson) {
    return JSON.stringify(config, (key, value: unknown) => (key === 'handler' ? shown(value) : value), 2);
  }
  return [...linesOf(config), wranglerLine(found), 'The configuration is right.'].join('\n');
}

function linesOf({ origins, routes, tiers, coherence }: ResolvedWorkersConfig): string[] {
  const { mode, leaseMs, shard } = coherence;
  return [
    ...Object.entries(origins).map(([name, origin]) => `origin ${name}: ${whereOf(origin)}`),
    ...routes.map(({ name, origin, profile }) => `route ${name}: to ${origin}, profile ${profile}`),
    `tiers: ${tiers.join(', ')}`,
    `coherence: ${mode}${mode === 'strict' ? '' : ` of ${leaseMs} ms`}, a log for ${LOGS[shard]}`,
  ];
}

const LOGS = { one: 'all requests', host: 'each host', tenant: 'each tenant' };

function whereOf(origin: ResolvedWorkersConfig['origins'][string]): string {
  if (origin.kind === 'url') return origin.url;
  return origin.kind === 'service' ? `the service ${origin.service}` : 'the handler of this Worker';
}

function wranglerLine(file: string | undefined): string {
  if (file !== undefined) return `bindings: as in ${file}; secrets are looked at with the first request`;
  return 'bindings: not checked, since there is no wrangler.jsonc or wrangler.json beside the configuration';
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

function wranglerProblems(config: ResolvedWorkersConfig, wrangler: unknown): string[] {
  if (!isRecord(wrangler)) return [`expected an object, got ${shown(wrangler)}`];
  const named = isRecord(wrangler.env) ? Object.entries(wrangler.env) : [];
  const environments = [['', wrangler] as const, ...named.map(([name, one]) => [`env.${name}: `, one] as const)];
  const lacking = environments.flatMap(([place, one]) => {
    const bound = isRecord(one) ? boundNames(one) : [];
    const needed = neededBindings(config).filter(({ what, name }) => what !== 'a secret' && !bound.includes(name));
    return needed.map((binding) => place + missing(binding));
  });
  return [...lacking, ...sharedNamespaces(config, environments)];
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
  environments: readonly (readonly [string, unknown])[],
): string[] {
  if (!tiers.includes('kv') || environment !== 'production') return [];
  const first = new Map<unknown, string>();
  return environments.flatMap(([place, one]) => {
    const own = recordsIn(isRecord(one) ? one.kv_namespaces : undefined).find(({ binding }) => binding === kv.binding);
    if (own?.id === undefined) return [];
    const before = first.get(own.id);
    first.set(own.id, before ?? place);
    if (before === undefined) return [];
    const where = before === '' ? 'the top level' : before.slice(0, -2);
    return `${place}kv.binding: expected a namespace of its own, or an environment in the configuration, got that of ${where}`;
  });
}
