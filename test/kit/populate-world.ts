// A populator on simulated time whose fills the test ends, or answers at once.

import type { GateRequest, PopulateResult } from '../../src/engine/contract.ts';
import { Populator, type PopulatorOptions } from '../../src/engine/populate/populator.ts';
import { routeTo } from './clients.ts';
import { ScriptedOrigin } from './scripted-origin.ts';
import { SimulatedTime } from './simulated-time.ts';

interface Filling {
  readonly uri: string;
  readonly at: number;
  readonly end: (result: PopulateResult) => void;
}

interface World {
  readonly populator: Populator;
  readonly time: SimulatedTime;
  readonly begun: Filling[];
  /** URIs of what was begun, in order. */
  readonly paths: () => string[];
  /** Begins a job and gives it all. */
  readonly job: (paths: readonly string[], spec?: Partial<Parameters<Populator['jobs']['create']>[0]>) => string;
  /** Moves time on by small steps, letting promises be kept. */
  readonly pass: (ms: number) => Promise<void>;
}

export const STORED: PopulateResult = { kind: 'stored', forwardMs: 10 };

/** `answer`: what comes of each fill, at once; undefined: the test ends it. Hosts name origins; `none.` has no route. */
export function world(
  answer: (uri: string) => PopulateResult | undefined = () => undefined,
  options: Partial<PopulatorOptions> = {},
): World {
  const time = new SimulatedTime();
  const begun: Filling[] = [];
  const populator = new Populator({
    clock: time,
    tasks: time,
    random: () => 1,
    requestOf: ({ uri }) => requestTo(uri),
    fill: ({ uri }) =>
      new Promise((end) => {
        begun.push({ uri, at: time.now(), end });
        const result = answer(uri);
        if (result !== undefined) end(result);
      }),
    limits: () => ({ concurrency: 2, ratePerSecond: 0 }),
    fault: (error) => {
      throw error;
    },
    ...options,
  });
  return {
    populator,
    time,
    begun,
    paths: () => begun.map(({ uri }) => uri.slice('http://'.length)),
    job: (paths, spec = {}) => {
      const id = populator.jobs.create({ cause: 'operator', ...spec });
      populator.add(
        id,
        paths.map((path) => ({ uri: `http://${path}` })),
      );
      populator.jobs.seal(id);
      return id;
    },
    pass: async (ms) => {
      for (let step = 0; step < ms; step += 10) {
        await settle();
        time.advance(Math.min(10, ms - step));
      }
      await settle();
    },
  };
}

function requestTo(uri: string): GateRequest | undefined {
  const { host } = new URL(uri);
  if (host === 'none') return undefined;
  const route = { ...routeTo(new ScriptedOrigin()), originName: host };
  return { route, method: 'GET', uri: uri.toLowerCase(), target: '/', fields: [], body: undefined, bypass: false };
}

async function settle(): Promise<void> {
  for (let turn = 0; turn < 10; turn++) await Promise.resolve();
}

export const range = (count: number, host = 'a') => Array.from({ length: count }, (_, at) => `${host}/${at}`);
