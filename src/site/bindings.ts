// The bindings of a Worker that a configuration names: which of them are missing, and the wrangler setting that adds them.

import { shown } from '../errors.ts';
import { has, isRecord } from '../options/kit.ts';
import { refused } from '../options/sections.ts';
import type { ResolvedWorkersConfig } from './workers-config.ts';

/** A binding that the gate needs. */
export interface NeededBinding {
  /** The key of the configuration that names it. */
  readonly key: string;
  readonly name: string;
  readonly what: string;
  /** The list of the wrangler configuration that it stands in; a secret stands in none. */
  readonly list?: 'durable_objects' | 'd1_databases' | 'kv_namespaces' | 'services' | 'analytics_engine_datasets';
  /** What adds it: a part of the wrangler configuration, or a command. */
  readonly setting: string;
  readonly fits: (bound: unknown) => boolean;
}

export function neededBindings({
  origins,
  tiers,
  kv,
  coherence,
  admin,
  analytics,
}: ResolvedWorkersConfig): NeededBinding[] {
  const needed = [objectBinding({ key: 'coherence.binding', name: coherence.binding, className: 'TidegateLog' })];
  if (tiers.includes('kv')) needed.push(kvBinding('kv.binding', kv.binding));
  for (const [name, origin] of Object.entries(origins)) {
    if (origin.kind === 'handler') needed.push(...(needs.get(origin.handler) ?? []));
    if (origin.kind !== 'service') continue;
    const setting = `"services": [{ "binding": "${origin.service}", "service": "name of the Worker" }]`;
    const fits = (bound: unknown) => has(bound, 'fetch');
    const of = { key: `origins.${name}.service`, name: origin.service, what: 'a service binding' };
    needed.push({ ...of, list: 'services', setting, fits });
  }
  if (admin !== undefined) {
    const setting = `npx wrangler secret put ${admin.token}, on your machine by a line ${admin.token}=… in .dev.vars, which wrangler dev reads at its start`;
    const fits = (bound: unknown) => typeof bound === 'string' && bound !== '';
    needed.push({ key: 'admin.token', name: admin.token, what: 'a secret', setting, fits });
  }
  if (analytics !== undefined) {
    const { binding } = analytics;
    const setting = `"analytics_engine_datasets": [{ "binding": "${binding}", "dataset": "tidegate" }]`;
    const fits = (bound: unknown) => has(bound, 'writeDataPoint');
    const list = 'analytics_engine_datasets';
    needed.push({ key: 'analytics.binding', name: binding, what: 'a dataset', list, setting, fits });
  }
  return needed;
}

const needs = new WeakMap<object, readonly NeededBinding[]>();

/** What the handler of an origin needs is looked for with what the gate needs. */
export function needing<H extends object>(handler: H, needed: readonly NeededBinding[]): H {
  needs.set(handler, needed);
  return handler;
}

/** A binding of Durable Objects, of the class that the Worker's module exports under this name. */
export interface ObjectPlace extends Pick<NeededBinding, 'key' | 'name'> {
  readonly className: string;
}

export function objectBinding({ className, ...place }: ObjectPlace): NeededBinding {
  const binding = `"durable_objects": { "bindings": [{ "name": "${place.name}", "class_name": "${className}" }] }`;
  const setting = `${binding} and "migrations": [{ "tag": "${className}-1", "new_sqlite_classes": ["${className}"] }]`;
  const fits = (given: unknown) => has(given, 'idFromName', 'get');
  return { ...place, what: 'a namespace of Durable Objects', list: 'durable_objects', setting, fits };
}

export function kvBinding(key: string, name: string): NeededBinding {
  const setting = `"kv_namespaces": [{ "binding": "${name}" }]`;
  const fits = (given: unknown) => has(given, 'get', 'put');
  return { key, name, what: 'a KV namespace', list: 'kv_namespaces', setting, fits };
}

export function d1Binding(key: string, name: string): NeededBinding {
  const setting = `"d1_databases": [{ "binding": "${name}", "database_name": "name of the database" }]`;
  return {
    key,
    name,
    what: 'a D1 database',
    list: 'd1_databases',
    setting,
    fits: (given) => has(given, 'prepare', 'batch', 'exec'),
  };
}

/** What `env` has there. Throws E_CONFIG. */
export function bound<T>(env: unknown, needed: NeededBinding): T {
  const problems = lacking([needed], env);
  if (problems.length > 0) throw refused('the Worker', problems);
  return (env as { readonly [name: string]: T })[needed.name] as T;
}

/** A problem for each binding that `env` lacks; empty: all are there. */
export function missingBindings(config: ResolvedWorkersConfig, env: unknown): string[] {
  return lacking(neededBindings(config), env);
}

function lacking(all: readonly NeededBinding[], env: unknown): string[] {
  const bindings = isRecord(env) ? env : {};
  return all.flatMap(({ name, fits, ...needed }) => {
    const given = bindings[name];
    return fits(given) ? [] : [missing({ name, ...needed }, typeof given === 'string' ? 'a text' : shown(given))];
  });
}

/** `got`: what stands in the place of the binding. */
export function missing({ key, name, what, setting }: Omit<NeededBinding, 'fits'>, got = 'nothing'): string {
  return `${key}: expected ${what} bound as ${name}, got ${got}; it comes by ${setting}`;
}
