// The check of a whole configuration of Node: each value by the schema, then values that must agree.

import { isRecord, type UnknownRecord } from '../../options/kit.ts';
import { exactlyOne, readWhole, type Tell } from '../../options/sections.ts';
import { checkFills, checkSite } from '../../site/agreements.ts';
import { type ConfigOutput, configSchema, databasesSchema } from './config-schema.ts';

const FILLS = { sources: ['urls', 'file', 'sitemap', 'manifest'], times: ['cron', 'every'] };

/** The configuration with its defaults; throws one error that names every problem. `source`: its name there. */
export function checked(raw: unknown, source: string): ConfigOutput {
  return readWhole(source, (tell) => {
    const config = configSchema.read(raw, tell);
    if (isRecord(raw)) {
      checkSite(raw, tell);
      checkSecrets(raw, tell);
      checkFills(raw, FILLS, tell);
      checkWorkers(raw, tell);
      checkSources(raw, tell);
    }
    return config;
  });
}

function checkSecrets(config: UnknownRecord, tell: Tell): void {
  for (const [section, name] of [
    ['admin', 'token'],
    ['positions', 'secret'],
    ['cluster', 'url'],
  ] as const) {
    const given = config[section];
    const both = isRecord(given) && given[name] !== undefined && given[`${name}File`] !== undefined;
    if (both) tell(`expected ${name} or ${name}File, got both`, [section]);
  }
}

/** Fills without a waiting client reach several workers through the disk that they share. */
function checkWorkers({ workers = 1, disk, populate, schedule }: UnknownRecord, tell: Tell): void {
  if (workers === 1 || disk !== undefined) return;
  const isScheduled = Array.isArray(schedule) && schedule.length > 0;
  if (!isScheduled && !(isRecord(populate) && populate.onStart !== undefined)) return;
  tell('expected a disk tier, since several workers are to share what is filled, got none', ['disk']);
}

/** The databases alone; throws for what is wrong with them, and for keys that may have been meant for them. */
export function checkedDatabases(raw: unknown, source: string): ConfigOutput['sources'] {
  return readWhole(source, (tell) => {
    if (!isRecord(raw)) tell('expected an object', []);
    configSchema.read(isRecord(raw) ? raw : {}, (problem, path) => {
      const isUnknown = path.length === 1 && !Object.hasOwn(configSchema.form.shape ?? {}, path[0] as string);
      if (path[0] === 'sources' || isUnknown) tell(problem, path);
    });
    if (isRecord(raw)) checkSources(raw, tell);
    return databasesSchema.read(isRecord(raw) ? raw.sources : undefined, () => {});
  });
}

function checkSources({ sources }: UnknownRecord, tell: Tell): void {
  if (!isRecord(sources)) return;
  for (const [name, source] of Object.entries(sources)) {
    if (isRecord(source)) exactlyOne(source, ['sqlite', 'postgres'], (problem) => tell(problem, ['sources', name]));
  }
}
