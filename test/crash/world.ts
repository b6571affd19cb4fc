// What the parts of a run share: the truth, the origin, the gate that runs now, and the figures.

import { EventEmitter } from 'node:events';
import { Agent } from 'node:http';
import { Dice } from '../sim/dice.ts';
import { Figures, type Found } from './figures.ts';
import type { GateProcess, Listening } from './gate-process.ts';
import { History, type Write } from './history.ts';
import { Kept } from './kept.ts';
import { type Origin, startOrigin } from './origin.ts';
import { makeResources, type Resource } from './resources.ts';
import type { Selection } from './selections.ts';

/** Told at the very instant, so that a kill can follow at once. */
export interface WorldEvents {
  acknowledged: [];
  bytes: [count: number];
}

/** A gate that listens, and how it is reached. */
export interface Running extends Listening {
  readonly process: GateProcess;
  readonly agent: Agent;
}

export interface World {
  readonly resources: readonly Resource[];
  readonly history: History;
  readonly origin: Origin;
  readonly figures: Figures;
  readonly kept: Kept;
  readonly events: EventEmitter<WorldEvents>;
  /** For what clients do; rounds have their own, so that what happens in one does not change the plan of the next. */
  readonly dice: Dice;
  readonly writes: Set<Write>;
  /** Invalidations whose answer never came; an operator would ask again. */
  unanswered: { readonly selection: Selection; readonly purge: boolean }[];
  /** Affected by what was acknowledged last, newest at the end. */
  lastAcknowledged: Resource[];
  /** True: files of the folder in use have been damaged at some time, so a body may turn out to be lost. */
  damaged: boolean;
  /** False: clients ask nothing more of the gate that runs. */
  traffic: boolean;
}

export async function makeWorld(seed: number, tell: (found: Found) => void): Promise<World> {
  const resources = makeResources(seed);
  const history = new History(resources);
  return {
    resources,
    history,
    origin: await startOrigin(resources, history, new Dice(seed + 1)),
    figures: new Figures(tell),
    kept: new Kept(),
    events: new EventEmitter<WorldEvents>().setMaxListeners(100),
    dice: new Dice(seed + 2),
    writes: new Set(),
    unanswered: [],
    lastAcknowledged: [],
    damaged: false,
    traffic: true,
  };
}

/** Connections of one life of the gate. */
export function makeAgent(): Agent {
  return new Agent({ keepAlive: true, maxSockets: 64, maxFreeSockets: 64 });
}
