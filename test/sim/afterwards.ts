// What must be true once a world has come to rest: nothing leaks, memory adds up, and every resource that may be cached
// is cached again.

import type { MemoryStore } from '../../src/store/memory.ts';
import { entryCost } from '../../src/store/memory.ts';
import type { Client } from './client.ts';
import type { Serving } from './node.ts';
import { CALM } from './origin.ts';
import { bodyBytes, controlOf, type Resource } from './resources.ts';
import { countStats } from './site.ts';
import type { World } from './world.ts';

/** Runs the world and all checks on it. */
export async function live(world: World): Promise<void> {
  await world.run();
  checkLeaks(world);
  world.origin.weather = CALM;
  world.clockOffMs = 0;
  // From here on nothing but the present may be shown.
  world.time.advance(120_000);
  world.tellAll();
  await world.quiet();
  for (const resource of world.database.resources) await checkCacheable(world, resource);
  checkLeaks(world);
  for (const serving of world.site.gates) countStats(world.tally, serving);
  countDisk(world);
  world.tally.count('commits', world.database.commits);
  world.tally.count('same second', world.database.sameSecond);
}

function checkLeaks(world: World): void {
  if (world.site.serving.length !== world.settings.members) {
    world.violate('leak', `${world.site.serving.length} of ${world.settings.members} serve at rest`);
  }
  for (const { process, gate, memory } of world.site.gates) {
    const { fillsInFlight, intentsOpen } = gate.stats();
    if (fillsInFlight !== 0) world.violate('leak', `${process.name}: ${fillsInFlight} fills in flight at rest`);
    if (intentsOpen !== 0) world.violate('leak', `${process.name}: ${intentsOpen} intents open at rest`);
    const wrong = accounting(memory);
    if (wrong !== undefined) world.violate('leak', `${process.name}: ${wrong}`);
  }
  for (const { asked, state } of world.unanswered)
    world.violate('leak', `client ${asked.id} is still ${state} at rest`);
}

function accounting(memory: MemoryStore): string | undefined {
  const entries = [...memory.entries({ kind: 'all' })];
  const bytes = entries.reduce((sum, entry) => sum + entryCost(entry), 0);
  const stats = memory.stats();
  const responses = entries.filter(({ kind }) => kind === 'response').length;
  if (bytes !== stats.bytes || bytes > stats.maxBytes || responses !== stats.entries) {
    return `memory says ${stats.entries} entries of ${stats.bytes} bytes, there are ${responses} of ${bytes}`;
  }
  return undefined;
}

/** Asked for twice, the second answer comes from the store, or from a validation where the origin wants one. */
async function checkCacheable(world: World, resource: Resource): Promise<void> {
  const expected = expectation(world, resource);
  const [to] = world.site.serving;
  if (to === undefined) return;
  const before = notKept(world, to);
  await get(world, resource, to);
  const second = await get(world, resource, to);
  const isLossy = world.settings.tiers.endsWith('slow');
  if (expected === 'anything' || isLossy || notKept(world, to) !== before) return;
  world.tally.count(`again ${expected}`);
  const { outcome } = second;
  const met = expected === 'hit' ? outcome?.hit === true : outcome?.forwardStatus === 304;
  if (met) return;
  world.violate('not cacheable again', `${resource.path}: expected a ${expected}, got ${JSON.stringify(outcome)}`);
}

/** Entries for which there was no room, or which were lost. */
function notKept({ site }: World, { memory }: Serving): number {
  const { evictions, declined } = memory.stats();
  const disk = site.diskStats;
  const onDisk = disk === undefined ? 0 : disk.evictions + disk.declined + disk.corrupt + disk.writeFailures;
  return evictions + declined + onDisk;
}

function countDisk({ site, tally }: World): void {
  const disk = site.diskStats;
  if (disk === undefined) return;
  tally.count('disk evictions', disk.evictions);
  tally.count('disk corrupt', disk.corrupt);
  tally.count('disk write failures', disk.writeFailures);
  tally.count('disk large bodies', disk.largeBodies);
}

async function get(world: World, resource: Resource, to: Serving): Promise<Client> {
  const client = world.sendTo(to, { resource, method: 'GET', fields: [], bypass: false }, { attentive: true });
  await world.quiet();
  return client;
}

/** What the second of two requests must get; `anything` where the world leaves it open. */
function expectation(world: World, resource: Resource): 'hit' | 'validation' | 'anything' {
  const version = world.database.current(resource);
  const control = controlOf(resource, version);
  const { maxBodyBytes, ttlMs } = world.settings.policy;
  if (control === undefined || resource.framing === 'close' || resource.personal === 'sets-cookie') return 'anything';
  if (bodyBytes(resource, version) > (maxBodyBytes ?? 0) || /no-store|private/.test(control)) return 'anything';
  if (/no-cache/.test(control)) return resource.etag === undefined || version.gone ? 'anything' : 'validation';
  const lifetimeS = Number(/s-maxage=(\d+)/.exec(control)?.[1] ?? /max-age=(\d+)/.exec(control)?.[1] ?? 0);
  return lifetimeS >= 3 && (ttlMs ?? 1) > 0 ? 'hit' : 'anything';
}
