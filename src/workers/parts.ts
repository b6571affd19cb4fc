// The parts of a gate that not every Worker has. They are imported and handed to `createGate`, so that a Worker's bundle holds
// none that it does not use.

import type { UnknownRecord } from '../options/kit.ts';
import { readWhole, section, type Tell, value } from '../options/sections.ts';
import type { ResolvedWorkersConfig } from '../site/workers-config.ts';
import type { AdminApiPart } from './admin.ts';
import type { WorkersCachePart } from './cache-side.ts';
import type { SchedulesPart } from './schedules.ts';

/** What a gate has beside its configuration. A part that the configuration does not use does nothing. */
export interface GateParts {
  /** For `admin` of the configuration. */
  readonly adminApi?: AdminApiPart | undefined;
  /** For `schedule`. */
  readonly schedules?: SchedulesPart | undefined;
  /** For the tier `workers-cache`. */
  readonly workersCache?: WorkersCachePart | undefined;
}

const part = <Part>(name: string, method: keyof Part) =>
  value<Part>(
    `${name} of tidegate/workers`,
    (given) => typeof (given as UnknownRecord)?.[method as string] === 'function',
  );

const PARTS = section({
  adminApi: part<AdminApiPart>('adminApi', 'answer').optional(),
  schedules: part<SchedulesPart>('schedules', 'noting').optional(),
  workersCache: part<WorkersCachePart>('workersCache', 'stored').optional(),
});

/** Throws one E_CONFIG that names every part that is none, and every one that the configuration needs and that is missing. */
export function checkedParts(settings: ResolvedWorkersConfig, given: GateParts): GateParts {
  return readWhole('the second argument of createGate', (tell) => {
    const parts = PARTS.read(given, tell);
    tellMissing(settings, given, tell);
    return parts;
  });
}

function tellMissing({ admin, schedule, tiers }: ResolvedWorkersConfig, given: GateParts, tell: Tell): void {
  const needed: readonly (readonly [keyof GateParts, string, boolean])[] = [
    ['adminApi', 'admin', admin !== undefined],
    ['schedules', 'schedule', schedule.length > 0],
    ['workersCache', 'the tier workers-cache', tiers.includes('workers-cache')],
  ];
  for (const [name, key, isNeeded] of needed) {
    if (!isNeeded || given?.[name] !== undefined) continue;
    const mend = `import { ${name} } from 'tidegate/workers' and createGate(configuration, { ${name} })`;
    tell(`expected this part for ${key} of the configuration, got nothing; it comes by ${mend}`, [name]);
  }
}
