// What befalls the tables in the midst of load: statements that rewrite, empty or rename them, and transactions of an
// unusual kind.
//
// SQLite refuses to drop a column that a trigger names, and the feed's triggers name all. So whoever
// drops one drops the triggers of the table first; the feed makes them anew.

import { setTimeout as sleep } from 'node:timers/promises';
import { committed, type Scene } from './events.ts';
import type { Op } from './model.ts';
import type { SqliteDrillDatabase } from './sqlite.ts';

export const STATEMENTS = {
  'table emptied': emptied,
  'column added': columnAdded,
  'column dropped': columnDropped,
  'column renamed': columnRenamed,
  'table renamed': tableRenamed,
  'long transaction': longTransaction,
  'rolled back': rolledBack,
} satisfies Record<string, (scene: Scene) => Promise<void>>;

export type StatementName = keyof typeof STATEMENTS;

async function emptied(scene: Scene): Promise<void> {
  const { drafts, dice } = scene;
  const clear: Op = { kind: 'clear', table: dice.pick(['items', 'notes'] as const) };
  await committed(scene, [clear]);
  drafts.done([clear]);
  await sleep(dice.between(0, 400));
  // Others write meanwhile, so one that is there again is left out.
  for (const op of drafts.first()) {
    if (op.kind !== 'insert' || op.table !== clear.table) continue;
    await committed(scene, [op]).then(
      () => drafts.done([op]),
      () => undefined,
    );
  }
}

async function columnAdded(scene: Scene): Promise<void> {
  const { drafts, dice } = scene;
  await committed(scene, [{ kind: 'add column', name: drafts.column(), value: dice.below(100) }]);
}

async function columnDropped(scene: Scene): Promise<void> {
  const { drafts, dice, stage } = scene;
  const name = drafts.column();
  await committed(scene, [{ kind: 'add column', name, value: dice.below(100) }]);
  await sleep(dice.between(100, 500));
  const first =
    stage.database.dialect === 'sqlite'
      ? (stage.database as SqliteDrillDatabase)
          .triggers('items')
          .map((trigger) => ({ sql: `DROP TRIGGER IF EXISTS "${trigger}"`, values: [] }))
      : [];
  await committed(scene, [{ kind: 'drop column', name }], { first });
}

async function columnRenamed(scene: Scene): Promise<void> {
  await thereAndBack(scene, (from, to) => ({ kind: 'rename column', from, to }), ['amount', 'quantity']);
}

async function tableRenamed(scene: Scene): Promise<void> {
  await thereAndBack(scene, (from, to) => ({ kind: 'rename table', from, to }), ['items', 'things']);
}

async function thereAndBack(
  scene: Scene,
  op: (from: string, to: string) => Op,
  [one, other]: readonly [string, string],
): Promise<void> {
  await committed(scene, [op(one, other)]);
  await sleep(scene.dice.between(50, 500));
  for (let attempt = 0; ; attempt++) {
    try {
      return await committed(scene, [op(other, one)]);
    } catch (error) {
      // The server may be gone for a while; the table has to get its name back.
      if (attempt >= 100) throw error;
    }
    await sleep(100);
  }
}

async function longTransaction(scene: Scene): Promise<void> {
  const { drafts, dice } = scene;
  const ops = drafts.draw();
  await committed(scene, ops, { pause: () => sleep(dice.between(300, 700)) });
  drafts.done(ops);
}

async function rolledBack(scene: Scene): Promise<void> {
  const { drafts, dice } = scene;
  await committed(scene, drafts.draw(), { pause: () => sleep(dice.between(20, 200)), isRolledBack: true });
}
