// The parts of the race that run in simulated time: which fills meet which changes, and in which worlds.

import { CHANGE_KINDS, type Raced } from './track-changes.ts';
import { FILL_KINDS, type FillKind, fillOf, SCHEMA_FILLS } from './track-fills.ts';
import { LEASE_MS, OUTAGE_KINDS, steady } from './track-outages.ts';
import { isRaced, runTrackCell, type TrackCell, type TrackVerdict, trackCells } from './track-race.ts';
import { CatalogueGate, isOfSchema, schemaKinds, undo } from './track-schema.ts';
import { LookGate, sqliteKinds } from './track-sqlite.ts';
import { type Strategy, TrackWorld } from './track-world.ts';

export interface TrackPart {
  readonly name: string;
  readonly pairs: readonly (readonly [change: Raced, fill: FillKind])[];
  readonly open: () => Promise<TrackWorld>;
  readonly run: (world: TrackWorld, cell: TrackCell) => Promise<TrackVerdict>;
}

type Options = ConstructorParameters<typeof TrackWorld>[0];

async function opened(options?: Options): Promise<TrackWorld> {
  const world = new TrackWorld(options);
  await world.start();
  return world;
}

export function commits(strategy: Strategy = 'tracked'): TrackPart {
  const pairs = CHANGE_KINDS.flatMap((change) =>
    FILL_KINDS.filter((fill) => isRaced(fill, change)).map((fill) => [change, fill] as const),
  );
  return { name: 'commits and rollbacks', pairs, open: () => opened({ strategy }), run: runTrackCell };
}

function outages(): TrackPart {
  const pairs = OUTAGE_KINDS.flatMap((change) => {
    const names = change.isOfGate === true ? ['a row'] : ['a row', 'in a late body', 'a value'];
    return names.map((name) => [change, fillOf(name)] as const);
  });
  return {
    name: 'outages',
    pairs,
    open: () => opened({ leaseMs: LEASE_MS, maxLagMs: LEASE_MS }),
    run: async (world, cell) => {
      await steady(world);
      return runTrackCell(world, cell);
    },
  };
}

function schemas(): TrackPart {
  const gate = new CatalogueGate();
  return {
    name: 'changes of the schema',
    pairs: schemaKinds(gate).flatMap((change) =>
      SCHEMA_FILLS.filter((fill) => isOfSchema(fill.name, change.name)).map((fill) => [change, fill] as const),
    ),
    open: () => opened({ refreshing: gate.pass }),
    run: async (world, cell) => {
      const verdict = await runTrackCell(world, cell);
      gate.open();
      await undo(world, cell.change.name);
      return verdict;
    },
  };
}

function sqlite(): TrackPart {
  const gate = new LookGate();
  return {
    name: "SQLite's own feed",
    pairs: sqliteKinds(gate).flatMap((change) =>
      ['on the shared connection', 'a value'].map((name) => [change, fillOf(name)] as const),
    ),
    open: () => opened({ database: (shop) => gate.database(shop) }),
    run: runTrackCell,
  };
}

export const trackParts = (): readonly TrackPart[] => [commits(), outages(), schemas(), sqlite()];

/** All cells of a part, each with what came of it. */
export async function* runPart(part: TrackPart): AsyncGenerator<readonly [cell: TrackCell, verdict: TrackVerdict]> {
  const world = await part.open();
  try {
    for (const [change, fill] of part.pairs) {
      for (const cell of trackCells(fill, change)) yield [cell, await part.run(world, cell)];
    }
  } finally {
    world.close();
  }
}
