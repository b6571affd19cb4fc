// `tidegate check --platform workers`: the configuration of a gate on Workers, and the wrangler configuration beside it.
//
// A configuration that is a function of env is asked for each environment of wrangler, with the variables of that one.

import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { messageOf, shown } from '../../../errors.ts';
import { refused } from '../../../options/sections.ts';
import { evasions } from '../../../site/evasions.ts';
import { unreachableRoutes } from '../../../site/unreachable.ts';
import { checkedWorkersConfig, type ResolvedWorkersConfig } from '../../../site/workers-config.ts';
import { type ConfigPlace, readWorkersConfig } from '../../config/config.ts';
import { environmentsOf, type Surroundings, wranglerProblems } from './wrangler.ts';

/** What is said of a right configuration. Rejects with E_CONFIG, which names every problem. */
export async function checkWorkers(place: ConfigPlace, asJson: boolean): Promise<string> {
  const { file, raw } = await readWorkersConfig(place);
  const wrangler = ['wrangler.jsonc', 'wrangler.json'].map((name) => join(dirname(file), name)).find(existsSync);
  const environments = wrangler === undefined ? [] : environmentsOf(wrangler);
  const { configs, problems } =
    typeof raw === 'function' ? configsOf(raw as Configuration, environments) : sameFor(raw, file);
  if (problems.length > 0) throw refused(file, problems);
  const wrong = wranglerProblems(environments, configs);
  if (wrangler !== undefined && wrong.length > 0) throw refused(wrangler, wrong);
  if (asJson) return JSON.stringify(configs[0], (key, value) => (key === 'handler' ? shown(value) : value), 2);
  const warnings = [...new Set(configs.flatMap((one) => [...unreachableRoutes(one), ...evasions(one)]))].map(
    (line) => `warning: ${line}`,
  );
  const lines = [...environmentLines(environments, configs), wranglerLine(wrangler), ...warnings];
  return [...lines, 'The configuration is right.'].join('\n');
}

type Configuration = (env: unknown) => unknown;

interface Configs {
  /** In the order of the environments; or one of them all. */
  readonly configs: readonly ResolvedWorkersConfig[];
  readonly problems: readonly string[];
}

function sameFor(raw: unknown, file: string): Configs {
  return { configs: [checkedWorkersConfig(raw, file)], problems: [] };
}

function configsOf(give: Configuration, environments: readonly Surroundings[]): Configs {
  const problems: string[] = [];
  const asked = environments.length === 0 ? [{ place: '', variables: {} }] : environments;
  const configs = asked.flatMap(({ place, variables }) => {
    try {
      return [checkedWorkersConfig(give(variables))];
    } catch (error) {
      const [first = '', ...lines] = messageOf(error).split('\n  ');
      problems.push(...(lines.length === 0 ? [first] : lines).map((line) => place + line));
      return [];
    }
  });
  return { configs, problems };
}

/** Once, where all environments have the same. */
function environmentLines(environments: readonly Surroundings[], configs: readonly ResolvedWorkersConfig[]): string[] {
  const lines = configs.map(linesOf);
  const isSame = new Set(lines.map((of) => of.join('\n'))).size === 1;
  if (isSame) return lines[0] as string[];
  return lines.flatMap((of, at) => [`${environments[at]?.name}:`, ...of.map((line) => `  ${line}`)]);
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
