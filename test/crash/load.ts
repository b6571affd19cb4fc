// Traffic on one gate, until its end is ordered or it is let rest: readers one request after the other, writers and operators with pauses.

import { setTimeout as sleep } from 'node:timers/promises';
import { invalidate, type ReadShape, read, type WriteForm, write } from './clients.ts';
import { GROUPS, KINDS, type Resource } from './resources.ts';
import { anySelection } from './selections.ts';
import type { Running, World } from './world.ts';

const READERS = 10;
const OPERATORS = 1;
const MAX_PAUSE_MS = 60;
const LARGE_PAUSE_MS = 30;

/** Resolves when every client is through. */
export async function runLoad(world: World, running: Running): Promise<void> {
  world.traffic = true;
  const clients = [
    ...Array.from({ length: READERS }, () => readOn(world, running)),
    ...Array.from({ length: OPERATORS }, () => invalidateOn(world, running)),
    writeOn(world, running),
    readLargeOn(world, running),
  ];
  await Promise.all(clients);
}

function goesOn({ traffic }: World, { process }: Running): boolean {
  return traffic && process.ordered === undefined && !process.over;
}

async function readOn(world: World, running: Running): Promise<void> {
  while (goesOn(world, running)) await readAny(world, running);
}

async function invalidateOn(world: World, running: Running): Promise<void> {
  while (goesOn(world, running)) {
    await invalidateAny(world, running);
    await sleep(world.dice.below(MAX_PAUSE_MS));
  }
}

async function writeOn(world: World, running: Running): Promise<void> {
  while (goesOn(world, running)) {
    await writeAny(world, running);
    await sleep(world.dice.below(MAX_PAUSE_MS));
  }
}

/** The same large bodies over and over, so that some are hits and are there after a restart. */
async function readLargeOn(world: World, running: Running): Promise<void> {
  const large = world.resources.filter(({ size }) => size === 'large');
  for (let at = 0; goesOn(world, running); at++) {
    await read(world, running, large[(running.process.life + (at >> 1)) % large.length] as Resource);
    await sleep(LARGE_PAUSE_MS);
  }
}

async function readAny(world: World, running: Running): Promise<void> {
  const resource = anyResource(world);
  await read(world, running, resource, anyShape(world, resource));
}

/** Low numbers are popular; large ones are rare, for they take most of the time. */
function anyResource({ resources, dice }: World): Resource {
  if (dice.chance(0.015)) return dice.pick(resources.filter(({ size }) => size === 'large'));
  const common = resources.filter(({ size }) => size !== 'large');
  return common[Math.floor(common.length * dice.next() ** 3)] as Resource;
}

function anyShape({ dice, history }: World, resource: Resource): ReadShape {
  const kind = dice.pick(KINDS);
  const inParts = resource.size === 'large' ? 40 : resource.size === 'middle' ? 12 : 1;
  switch (dice.weighted({ plain: 60, part: inParts, conditional: 8, head: 3 })) {
    case 'plain':
      return { kind };
    case 'head':
      return { kind, method: 'HEAD' };
    case 'conditional':
      return { kind, ifVersion: Math.max(1, history.current(resource).number - dice.below(2)) };
    case 'part': {
      const first = dice.below(resource.minBytes);
      return { kind, range: { first, last: first + dice.below(resource.minBytes) } };
    }
  }
}

/** A change behind the gate that it is told of; now and then nothing has changed. */
export async function invalidateAny(world: World, running: Running): Promise<boolean> {
  const { dice, resources } = world;
  const selection = anySelection(resources, dice);
  const change = dice.chance(0.9) ? selection.affected : [];
  return invalidate(world, running, selection, { purge: dice.chance(0.3), change });
}

export async function writeAny(world: World, running: Running): Promise<boolean> {
  return write(world, running, anyResource(world), anyForm(world));
}

function anyForm({ dice, resources }: World): WriteForm {
  switch (dice.weighted({ put: 55, delete: 15, group: 12, also: 14, fails: 4 })) {
    case 'put':
      return { method: 'PUT' };
    case 'delete':
      return { method: 'DELETE' };
    case 'group':
      return { method: 'POST', group: dice.pick(GROUPS) };
    case 'also':
      return { method: 'POST', also: dice.pick(resources) };
    case 'fails':
      return { method: 'PUT', failsAfter: true };
  }
}
