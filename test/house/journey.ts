// Child process: one journey. Its arguments are the URL of a checkout, the journey's name and an empty folder; it prints
// what is called, as JSON, on its last line.
//
// Some code runs only once: modules that load late, values that are kept from the first time. So the same journey goes ahead
// some times, and the last one counts.

import { setTimeout as pause } from 'node:timers/promises';
import { type Called, Recorder } from './recorder.ts';
import { JOURNEYS, type Scene } from './scenes.ts';

/** Memory moves an entry at its first hits, and no more after them. */
const WARM_UPS = 5;
const PAUSE_MS = 50;
/** So many pauses with nothing new are the end. */
const QUIET_PAUSES = 10;

const [root = '', name = '', folder = ''] = process.argv.slice(2);
const recorder = new Recorder(root);
const journey = JOURNEYS[name];
if (journey === undefined) throw new Error(`expected one of ${Object.keys(JOURNEYS).join(', ')}; got ${name}`);
const scene = await journey({ root, folder });
for (let turn = 0; turn < WARM_UPS; turn++) await travel(scene, turn);
const called = await travel(scene, WARM_UPS);
const functions = [...called].sort().map(([path, names]) => [path, [...names].sort()]);
process.stdout.write(`\n${JSON.stringify(Object.fromEntries(functions))}\n`, () => process.exit());

async function travel({ ready, go, check }: Scene, turn: number): Promise<Called> {
  await ready?.(turn);
  await quiet(new Map());
  await recorder.take();
  const seen: Called = new Map();
  await go(turn, () => quiet(seen));
  add(await recorder.take(), seen);
  await check?.(turn);
  return seen;
}

/** Adds what is called, until nothing new is. */
async function quiet(seen: Called): Promise<void> {
  for (let pauses = 0; pauses < QUIET_PAUSES; pauses++) {
    await pause(PAUSE_MS);
    if (add(await recorder.take(), seen)) pauses = 0;
  }
}

/** Says whether some of it is new. */
function add(called: Called, seen: Called): boolean {
  let isNew = false;
  for (const [path, names] of called) {
    const known = seen.get(path) ?? new Set();
    const before = known.size;
    for (const name of names) known.add(name);
    isNew ||= known.size > before;
    seen.set(path, known);
  }
  return isNew;
}
