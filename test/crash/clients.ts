// What clients, writers and operators do to the gate, each checked at its end. An operation that the end of the gate cuts
// off is no fault; any other failure is.

import type { Write } from './history.ts';
import { judge } from './judge.ts';
import type { WritePlan } from './origin.ts';
import { ask, type NoReply, type Reply } from './reply.ts';
import { etagOf, KINDS, type Resource } from './resources.ts';
import type { Selection } from './selections.ts';
import type { Running, World } from './world.ts';

export interface ReadShape {
  readonly method?: 'GET' | 'HEAD';
  /** Default: the resource has but one, or the first. */
  readonly kind?: string;
  readonly range?: { readonly first: number; readonly last: number };
  /** The version that the client says it has. */
  readonly ifVersion?: number;
}

/** What is known of a read once it is over. */
export interface ReadEnd {
  readonly hit: boolean;
  /** True: nobody asked this gate before, so a hit shows what it had at its start. */
  readonly first: boolean;
}

export async function read(
  world: World,
  running: Running,
  resource: Resource,
  shape: ReadShape = {},
): Promise<ReadEnd> {
  const { history, kept, figures } = world;
  const kind = resource.varies ? (shape.kind ?? KINDS[0]) : '-';
  const { method = 'GET', range, ifVersion } = shape;
  const ifNoneMatch = ifVersion === undefined ? undefined : etagOf(resource, ifVersion, kind);
  const asked = {
    method,
    resource,
    kind,
    range,
    ifNoneMatch,
    bound: history.bound(resource),
    life: running.process.life,
  };
  const first = kept.isFirst(resource, kind);
  const beganMs = performance.now();
  const reply = await ask({
    ...running,
    method,
    path: resource.path,
    headers: {
      ...(resource.varies && { 'x-kind': kind }),
      ...(range !== undefined && { range: `bytes=${range.first}-${range.last}` }),
      ...(ifNoneMatch !== undefined && { 'if-none-match': ifNoneMatch }),
    },
    onBytes: (bytes) => world.events.emit('bytes', bytes),
  });
  const asIs = `${range === undefined ? '' : ` ${range.first}-${range.last}`}${ifNoneMatch === undefined ? '' : ` if not ${ifNoneMatch}`}`;
  const what = `${method} ${resource.path}${asIs}`;
  if ('error' in reply) {
    noteBroken(world, running, `${what}: ${reply.error}`);
    return { hit: false, first };
  }
  const finding = judge(asked, reply, history);
  const status = String(reply.headers['cache-status'] ?? '');
  if (finding !== undefined) figures.find(finding.fault, `${what}: ${finding.sentence}; ${status}`);
  else if (reply.status >= 500) noteError(world, running, what, reply);
  else if (!reply.complete) noteBroken(world, running, `${what}: cut after ${reply.bytes} bytes`);
  figures.count('reads checked');
  const hit = /^tidegate; hit\b/.test(status);
  if (hit) figures.count('hits');
  if (hit && first) figures.count('hits from disk');
  if (reply.complete) kept.note(resource, kind, { hit, stored: /; stored(?!=)/.test(status), beganMs });
  return { hit, first };
}

/** Within the body, or of a large one before its first byte: its file is gone. */
const BROKEN = / cut after |\/large-\S* .*(?:ECONNRESET|socket hang up)/;

function noteBroken({ figures, damaged }: World, { process }: Running, sentence: string): void {
  if (process.ordered !== undefined) figures.count('requests cut by the end of the gate');
  else if (damaged && BROKEN.test(sentence)) figures.count('answers visibly cut, body damaged');
  else figures.find('unexpected', sentence);
}

/** A gate that has been told to end may refuse. */
function noteError({ figures }: World, { process }: Running, what: string, reply: Reply): void {
  if (process.ordered === 'term') figures.count('requests refused by an ending gate');
  else figures.find('unexpected', `${what}: status ${reply.status} ${JSON.stringify(reply.text)}`);
}

export interface InvalidateOptions {
  readonly purge: boolean;
  /** Changed at the origin before the gate is told. */
  readonly change: readonly Resource[];
}

/** Changes resources behind the gate and tells it. Resolves with true once it has acknowledged. */
export async function invalidate(
  world: World,
  running: Running,
  selection: Selection,
  { purge, change }: InvalidateOptions,
): Promise<boolean> {
  const { history, kept, figures } = world;
  for (const resource of change) history.change(resource);
  const due = selection.affected.map((resource) => ({ resource, version: history.current(resource).number }));
  for (const { resource } of due) kept.forget(resource);
  figures.count('invalidations sent');
  const reply = await ask({
    url: running.adminUrl,
    agent: running.agent,
    host: new URL(running.adminUrl).host,
    method: 'POST',
    path: purge ? '/purge' : '/invalidate',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(selection.body),
  });
  for (const { resource } of due) kept.forget(resource);
  if (!('error' in reply) && reply.status === 200) {
    acknowledge(world, running, due);
    figures.count(`acknowledged ${selection.kind}`);
    return true;
  }
  world.unanswered.push({ selection, purge });
  const what = `${purge ? 'purge' : 'invalidate'} ${JSON.stringify(selection.body)}`;
  noteFailure(world, running, what, reply);
  return false;
}

function acknowledge(
  { history, figures, events, lastAcknowledged }: World,
  { process: { life } }: Running,
  due: readonly { readonly resource: Resource; readonly version: number }[],
): void {
  for (const { resource, version } of due) history.acknowledge(resource, { version, life, cause: 'acknowledged' });
  lastAcknowledged.push(...due.slice(0, 12).map(({ resource }) => resource));
  figures.count('acknowledgements');
  events.emit('acknowledged');
}

function noteFailure(world: World, running: Running, what: string, reply: Reply | NoReply): void {
  // What a damaged manifest does not name any more cannot be removed, and nobody is told that it was.
  const isUnremovable =
    world.damaged && what.startsWith('purge ') && 'text' in reply && reply.text.includes('database');
  if (isUnremovable) world.figures.count('purges refused, manifest damaged');
  else if ('error' in reply) noteBroken(world, running, `${what}: ${reply.error}`);
  else noteError(world, running, what, reply);
}

export interface WriteForm {
  readonly method: 'PUT' | 'POST' | 'DELETE';
  /** Changed besides the target, by a POST whose answer names the group. */
  readonly group?: string;
  readonly also?: Resource;
  readonly failsAfter?: boolean;
}

/** A write through the gate. Resolves with true once it has been answered. */
export async function write(world: World, running: Running, target: Resource, form: WriteForm): Promise<boolean> {
  const { kept, origin, writes, figures } = world;
  const { life } = running.process;
  const made: Write = { target, life, changed: new Map(), received: false, outcome: 'open' };
  writes.add(made);
  const plan = planOf(world, made, form);
  for (const { resource } of plan.changes) kept.forget(resource);
  const headers = { 'x-write': origin.plan(plan), 'content-type': 'text/plain' };
  const body = form.method === 'DELETE' ? undefined : 'what is written is told by x-write';
  const reply = await ask({ ...running, method: form.method, path: target.path, headers, ...(body && { body }) });
  for (const { resource } of plan.changes) kept.forget(resource);
  const expected = plan.failsAfter ? 500 : form.method === 'POST' ? 201 : 204;
  if ('error' in reply || reply.status !== expected) {
    noteFailure(world, running, `${form.method} ${target.path}`, reply);
    return false;
  }
  made.outcome = 'answered';
  writes.delete(made);
  // A failure names nothing but its target.
  const due = [...made.changed].filter(([resource]) => !plan.failsAfter || resource === target);
  acknowledge(
    world,
    running,
    due.map(([resource, version]) => ({ resource, version })),
  );
  figures.count(`acknowledged ${form.method}`);
  return true;
}

function planOf({ resources }: World, made: Write, { method, group, also, failsAfter = false }: WriteForm): WritePlan {
  const members = group === undefined ? [] : resources.filter((resource) => resource.group === group);
  const others = [...members, ...(also === undefined ? [] : [also])].filter((resource) => resource !== made.target);
  return {
    write: made,
    changes: [
      { resource: made.target, gone: method === 'DELETE' },
      ...[...new Set(others)].map((resource) => ({ resource, gone: false })),
    ],
    group,
    contentLocation: also?.path,
    failsAfter,
  };
}
