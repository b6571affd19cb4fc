// Secrets of a configuration that stand in a file or in the environment, so that the configuration can be shown.

import { readFileSync } from 'node:fs';
import { TidegateError } from '../../errors.ts';
import { readWhole } from '../../options/sections.ts';
import { bearerToken } from '../../site/kinds.ts';
import { redisUrl, sharedSecret } from './config-values.ts';

/** Where a secret is that does not stand in the configuration itself. */
export interface SecretPlace {
  /** Undefined: it is in none. */
  readonly variable: string | undefined;
  /** The option that names a file. */
  readonly option: string;
  readonly file: string | undefined;
  readonly kind: typeof bearerToken;
}

export const TOKEN = { variable: 'TIDEGATE_ADMIN_TOKEN', option: 'admin.tokenFile', kind: bearerToken };
export const POSITION_SECRET = {
  variable: 'TIDEGATE_POSITION_SECRET',
  option: 'positions.secretFile',
  kind: sharedSecret,
};

export const CLUSTER_URL = { variable: 'TIDEGATE_CLUSTER_URL', option: 'cluster.urlFile', kind: redisUrl };

export function hookToken(name: string, file: string | undefined): SecretPlace {
  return { variable: undefined, option: `populate.publish.${name}.tokenFile`, file, kind: bearerToken };
}

export function storedSecret(place: SecretPlace, env: NodeJS.ProcessEnv, source: string): string | undefined {
  const { variable, option, file, kind } = place;
  // An empty variable is an unset one: an empty token would let everyone in.
  const text = file === undefined ? env[variable ?? ''] || undefined : readSecretFile(option, file);
  if (text === undefined) return undefined;
  const path = file === undefined ? [variable ?? ''] : option.split('.');
  return readWhole(source, (tell) => kind.read(text, (problem) => tell(problem, path)));
}

function readSecretFile(option: string, path: string): string {
  try {
    return readFileSync(path, 'utf8').trim();
  } catch (error) {
    throw new TidegateError('E_CONFIG', `${option}: expected a readable file, got ${path}`, { cause: error });
  }
}
