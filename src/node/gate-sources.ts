// The sources that trackers report to this gate, with the secret that it shares with others.

import type { Logger } from 'pino';
import { type MakeSources, trackedSources } from '../engine/tracked-sources.ts';
import type { ResolvedConfig } from './config/config.ts';

/** `expected`: sources that others who share a tier have heard of. */
export function gateSources(config: ResolvedConfig, log: Logger, expected: readonly string[] = []): MakeSources {
  const { secret } = config.positions;
  const mend = "gates behind one name need one positions.secret to know the writes of each other's clients";
  const onUnsealed = () => log.warn(`a client came with a position that this gate had not given: ${mend}`);
  return trackedSources({ expected, positionSecret: secret, ...(secret === undefined && { onUnsealed }) });
}
