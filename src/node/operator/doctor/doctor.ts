// Examines a gate: what its configuration says, what this machine and its origins and databases are like, and what it tells
// of itself if it runs.

import { messageOf, TidegateError } from '../../../errors.ts';
import { type ConfigPlace, loadConfig, type ResolvedConfig } from '../../config/config.ts';
import { fileProblems } from '../../config/file-problems.ts';
import type { AdminAddress } from '../cli/admin-client.ts';
import { feedStatus } from '../cli/feed-commands.ts';
import { amiss, type Finding, fine } from './finding.ts';
import { localFindings } from './local.ts';
import { originFindings } from './origins.ts';
import { gateFindings } from './running.ts';

export interface Patient {
  readonly place: ConfigPlace;
  readonly gate: AdminAddress;
  /** Whether somebody has named the gate, so that it must be there. */
  readonly isGateAsked: boolean;
  readonly now: () => number;
}

export async function examine({ place, gate, isGateAsked, now }: Patient): Promise<Finding[]> {
  const config = await loadConfig(place).catch((error: unknown) => {
    if (error instanceof TidegateError) return error;
    throw error;
  });
  const running = await gateFindings(gate, isGateAsked);
  if (config instanceof TidegateError) return [refused(config), ...running];
  const problems = fileProblems(config).map((line) => amiss('configuration', 'error', [line, CORRECT]));
  return [
    ...(problems.length > 0 ? problems : [fine('configuration', 'is right')]),
    // A certificate or folder that cannot be read is a problem already.
    ...(problems.length > 0 ? [] : localFindings(config, now())),
    ...(await originFindings(config, now)),
    ...(await feedFindings(config, place)),
    ...running,
  ];
}

const CORRECT = 'correct it; tidegate check names all problems of the configuration';

function refused(error: TidegateError): Finding {
  return amiss('configuration', 'error', [error.message, CORRECT]);
}

async function feedFindings({ sources }: ResolvedConfig, { file }: ConfigPlace): Promise<Finding[]> {
  const found = Object.keys(sources).map(async (name): Promise<Finding[]> => {
    try {
      const { problems, warnings } = await feedStatus(name, file);
      const mend = `tidegate feed status ${name} shows it in full, tidegate feed install ${name} installs what is missing`;
      if (problems.length + warnings.length === 0) return [fine('feed', `${name}: tells of all its tables`)];
      return [
        ...problems.map((problem) => amiss('feed', 'error', [`${name}: ${problem}`, mend])),
        ...warnings.map((warning) => amiss('feed', 'warning', [`${name}: ${warning}`, mend])),
      ];
    } catch (error) {
      if (!(error instanceof TidegateError)) throw error;
      const mend = 'look whether the database runs, and whether the connection and its rights are right';
      return [amiss('feed', 'error', [`${name}: ${messageOf(error)}`, mend])];
    }
  });
  return (await Promise.all(found)).flat();
}
