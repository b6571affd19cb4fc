// `tidegate check --platform workers`: the configuration of a gate on Workers, and the wrangler configuration beside it.

import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { shown } from '../../../errors.ts';
import { refused } from '../../../options/sections.ts';
import { checkedWorkersConfig, type ResolvedWorkersConfig } from '../../../site/workers-config.ts';
import { type ConfigPlace, readConfig } from '../../config/config.ts';
import { readWrangler, wranglerProblems } from './wrangler.ts';

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
