// The sources that trackers report to this gate, with the secret that it shares with others.

import type { Logger } from 'pino';
import { type MakeSources, trackedSources } from '../engine/tracked-sources.ts';
import type { ResolvedConfig } from './config/config.ts';

/** `expected`: sources that others who share a tier have heard of. */
export function gateSources(config: ResolvedConfig, log: Logger, expected: readonly string[] = []): MakeSources {
  const { secret } = config.positions;
  const hint = secret === undefined ? 'need one positions.secret' : 'need the same positions.secret';
  const onUnknown = () =>
    log.warn(
      `a client came with a position that this gate does not know: gates behind one name, or each other, ${hint}`,
    );
  return trackedSources({ expected, positionSecret: secret, onUnknown });
}
