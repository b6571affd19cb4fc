// A tenant that floods the memory, beside two that are asked for what they always have: what becomes of their hits.

import type { ResolvedConfig } from '../../src/node/config/config.ts';
import { withTenants } from '../../src/node/tenants/tenant-spec.ts';
import type { OriginListener } from '../../src/ports.ts';
import { fileConfig, hostOf, NAMES, type Name } from './pair.ts';
import { Dice } from './sequence.ts';
import { World } from './world.ts';

const [NOISY, ...QUIET] = NAMES;
const BODY = 'x'.repeat(1_000);
/** Of each quiet tenant; asked for by Zipf's law. */
const URLS = 600;
/** About 1.9 KB each: together the quiet tenants have a little less than there is room for. */
const MEMORY_BYTES = 2_600_000;
const NOISY_PART = 0.1;
const ROUNDS = 5_000;
/** Requests of the noisy tenant to one of the others. */
const FLOOD = 10;
/** It asks for each of its URLs so often: what was asked for once would leave first by itself. */
const TIMES = 4;

export interface FloodFigures {
  readonly hitRatios: Readonly<Record<string, number>>;
  readonly noisyBytes: number;
}

function configOf(hasQuotas: boolean): ResolvedConfig {
  const file = fileConfig({ memory: { maxBytes: MEMORY_BYTES } });
  const quotaOf = (name: Name) => (name === NOISY ? NOISY_PART : (1 - NOISY_PART) / QUIET.length);
  return withTenants(
    file,
    NAMES.map((name) => ({
      name,
      suspended: false,
      spec: {
        hosts: [hostOf(name)],
        origins: { api: { url: 'http://127.0.0.1:1' } },
        quotas: { memoryBytes: Math.floor(MEMORY_BYTES * (hasQuotas ? quotaOf(name) : 1)) },
      },
    })),
  );
}

function worldOf(config: ResolvedConfig): World {
  const forward = (time: World['time']) => (_: unknown, listener: OriginListener) => {
    time.later(0, () => {
      listener.head({ status: 200, fields: ['cache-control', 'max-age=86400', 'content-length', '1000'] }, true);
      listener.data(new TextEncoder().encode(BODY));
      listener.end([]);
    });
    return { pause: () => {}, resume: () => {}, abort: () => {} };
  };
  return new World({ config, epoch: 'flood', originOf: (_, time) => ({ forward: forward(time) }) });
}

/** Ranks 1 to `URLS`, the first the most popular. */
function zipf(dice: Dice): number {
  return Math.floor(URLS ** dice.next());
}

export async function flood({
  isFlooded,
  hasQuotas,
}: {
  isFlooded: boolean;
  hasQuotas: boolean;
}): Promise<FloodFigures> {
  const world = worldOf(configOf(hasQuotas));
  const dice = new Dice(7);
  let noise = 0;
  for (let round = 0; round < ROUNDS; round++) {
    // The quiet ones are asked for the same in both runs.
    const asked = QUIET.map((name) => world.ask(hostOf(name as Name), 'GET', `/${zipf(dice)}`));
    for (let one = 0; isFlooded && one < FLOOD; one++)
      asked.push(world.ask(hostOf(NOISY), 'GET', `/${Math.floor(noise++ / TIMES)}`));
    world.time.advance(1);
    await Promise.all(asked);
  }
  const figures = world.rooms.figures();
  const ratioOf = ({ requests: { hit = 0, miss = 0 } }: (typeof figures)[string]) => hit / Math.max(1, hit + miss);
  return {
    hitRatios: Object.fromEntries(QUIET.map((name) => [name, ratioOf(figures[name] as (typeof figures)[string])])),
    noisyBytes: figures[NOISY]?.memoryBytes ?? 0,
  };
}
