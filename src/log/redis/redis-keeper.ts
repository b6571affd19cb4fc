// The keeper of a log on Redis or Valkey: each member has one, and the engine has what they share (script.ts).
//
// A change is acknowledged once no other member can still serve without knowing it. Who appends waits for that itself: until each
// member that may have a lease has said that it knows the change, or the longest lease has run out since the change was in the log. A
// lease that is granted later counts for nothing: it came with the change. So only the lengths of times are compared, and those of one
// clock: the engine's is not asked.

import { expected } from '../../errors.ts';
import type { InvalidationsImage, LogChange, OpenIntent } from '../../ledger/log.ts';
import type { Cancel, Clock, Tasks } from '../../ports.ts';
import { driftMs } from '../lease/grants.ts';
import {
  type AppendRequest,
  checkAppend,
  checkRenew,
  type LogKeeper,
  type LogPlace,
  type LogReply,
  type PlacedChange,
  type RenewRequest,
} from '../lease/messages.ts';
import type { Engine } from './client.ts';
import { imageAfter, imageText } from './image-text.ts';
import { channelOf, DROP, IMAGE_EACH, KEEP, keysOf, SCRIPT } from './script.ts';

export interface RedisKeeperParts {
  readonly engine: Engine;
  /** Of the log: its members are those of one name. */
  readonly name: string;
  readonly clock: Pick<Clock, 'monotonic'>;
  readonly tasks: Pick<Tasks, 'later'>;
  /** The longest lease of any member. */
  readonly leaseMs: number;
  /** Makes the name of a new epoch, unlike all before. */
  readonly newEpoch: () => string;
  /** Called when the log may have gone on beyond that place. */
  readonly goneOn: (to: { readonly epoch: string; readonly number: number }) => void;
}

type Said = readonly [
  ...[epoch: string, number: string, check: string, known: string, position: string],
  ...[told: readonly string[], open: readonly string[], placed: readonly string[], waits: readonly string[]],
  from: string,
];

/** Who waits until members know a change, or cannot have a lease any more. */
interface Wait {
  readonly epoch: string;
  readonly number: number;
  /** Names and marks of their last renewals. */
  readonly members: Map<string, string>;
  readonly done: () => void;
}

/** Stands for all members that may have a lease of an earlier epoch. No member has an empty name. */
const EARLIER = '';
/** Members whose word is remembered, should it come before the question. */
const MOST_REMEMBERED = 10_000;

export class RedisKeeper implements LogKeeper {
  readonly #parts: RedisKeeperParts;
  readonly #keys: readonly string[];
  readonly #waits = new Set<Wait>();
  /** By epoch and member: the number up to which it knows the log. */
  readonly #known = new Map<string, number>();
  #epoch = '';
  /** Of the last image that was written down or left to others. */
  #kept = '';
  #unsubscribe: () => void = () => {};

  constructor(parts: RedisKeeperParts) {
    this.#parts = parts;
    this.#keys = keysOf(parts.name);
  }

  /** Rejects with E_LOG. */
  async begin(): Promise<void> {
    const { engine, name } = this.#parts;
    this.#unsubscribe = await engine.subscribe(channelOf(name), (message) => this.#heard(message));
  }

  async renew(request: RenewRequest): Promise<LogReply> {
    checkRenew(request);
    const { leaseMs, awaited } = request;
    return replyOf(await this.#call(request, awaited && leaseMs > 0 ? 'renew' : 'ask'));
  }

  async append(request: AppendRequest, placed?: (reply: LogReply) => void): Promise<LogReply> {
    checkAppend(request);
    const said = await this.#call(request, 'append');
    const reply = replyOf(said);
    placed?.(reply);
    // Nobody serves less for not knowing that a write is under way, so that is not waited for.
    if (request.changes.some(({ kind }) => kind === 'invalidate')) await this.#knownByAll(said);
    return reply;
  }

  /** Writes down what is in force, for those who join; false: it is not time for that. Rejects with E_LOG. */
  async keep({ epoch, number }: Pick<LogPlace, 'epoch' | 'number'>, image: () => InvalidationsImage): Promise<boolean> {
    const place = `${epoch} ${Math.floor(number / IMAGE_EACH)}`;
    if (number < IMAGE_EACH || place === this.#kept) return false;
    this.#kept = place;
    const [meta = '', , , , kept = ''] = this.#keys;
    const { engine } = this.#parts;
    const [ofEpoch, known] = (await engine.run('HMGET', kept, 'epoch', 'number')) as (string | null)[];
    if (ofEpoch === epoch && Number(known) > number - IMAGE_EACH) return false;
    // It may have gone on since: who joins is told again of what came after `number`, which changes nothing.
    await engine.script(KEEP, [meta, kept], [epoch, String(number), imageText(image())]);
    return true;
  }

  /** The member serves no more, so nobody has to wait for it. */
  async leave(member: string): Promise<void> {
    // If that is not heard, its lease runs out.
    await this.#parts.engine.run('HDEL', this.#members, member).catch(() => undefined);
  }

  close(): void {
    this.#unsubscribe();
    for (const { done } of this.#waits) done();
  }

  async #call({ member, known, changes }: AppendRequest, call: 'renew' | 'append' | 'ask'): Promise<Said> {
    const { engine, name, newEpoch } = this.#parts;
    const place = known === undefined ? ['', '0', '0'] : [known.epoch, String(known.number), String(known.check)];
    const args = [
      channelOf(name),
      member,
      newEpoch(),
      ...place,
      call,
      ...changes.flatMap((change) => argumentsOf(change, member)),
    ];
    const said = (await engine.script(SCRIPT, this.#keys, args)) as Said;
    if (said[0] !== this.#epoch) this.#beganAnew(said[0]);
    return said;
  }

  /** Leases of before the epoch end by themselves; whoever appends until then waits for that. */
  #beganAnew(epoch: string): void {
    const { engine, tasks, leaseMs } = this.#parts;
    this.#epoch = epoch;
    const asked = engine.run('HGET', this.#members, EARLIER) as Promise<string | null>;
    asked.then(
      (value) => {
        const seq = value?.split(':')[1];
        if (seq !== undefined) tasks.later(leaseMs + driftMs(leaseMs), () => this.#drop(EARLIER, seq));
      },
      () => undefined,
    );
  }

  get #members(): string {
    return this.#keys[2] as string;
  }

  #knownByAll([epoch, number, , , , , , , waits]: Said): Promise<void> | undefined {
    const members = new Map<string, string>();
    for (let at = 0; at < waits.length; at += 2) {
      const member = waits[at] as string;
      if ((this.#known.get(`${epoch} ${member}`) ?? -1) < Number(number)) members.set(member, waits[at + 1] as string);
    }
    if (members.size === 0) return undefined;
    const { promise, resolve } = Promise.withResolvers<void>();
    const cancels: Cancel[] = [];
    const wait: Wait = {
      ...{ epoch, number: Number(number), members },
      done: () => {
        for (const cancel of cancels) cancel();
        this.#waits.delete(wait);
        resolve();
      },
    };
    this.#waits.add(wait);
    this.#later(cancels, wait);
    return promise;
  }

  #later(cancels: Cancel[], wait: Wait): void {
    const { tasks, clock, leaseMs } = this.#parts;
    const endMs = clock.monotonic() + leaseMs + driftMs(leaseMs);
    const look = () => {
      const leftMs = endMs - clock.monotonic();
      if (leftMs <= 0) {
        for (const [member, seq] of wait.members) this.#drop(member, seq);
        return wait.done();
      }
      // A message may be lost with its connection.
      this.#ask(wait);
      cancels.push(tasks.later(Math.min(leftMs, LOOK_MS), look));
    };
    cancels.push(tasks.later(Math.min(LOOK_MS, leaseMs), look));
  }

  /** What fails here is tried again by whoever appends next. */
  #drop(member: string, seq: string): void {
    this.#parts.engine.script(DROP, [this.#members], [member, seq]).catch(() => undefined);
  }

  #ask({ epoch, members }: Wait): void {
    const names = [...members.keys()];
    if (names.length === 0) return;
    const asked = this.#parts.engine.run('HMGET', this.#members, ...names) as Promise<(string | null)[]>;
    asked.then(
      (values) =>
        values.forEach((value, at) => {
          if (typeof value === 'string') this.#knows(epoch, names[at] as string, Number.parseInt(value, 10));
        }),
      () => undefined,
    );
  }

  #heard(message: string): void {
    const [what, epoch = '', number = '', ...member] = message.split(' ');
    if (what === 'to') this.#parts.goneOn({ epoch, number: Number(number) });
    else if (what === 'by') this.#knows(epoch, member.join(' '), Number(number));
  }

  #knows(epoch: string, member: string, number: number): void {
    const name = `${epoch} ${member}`;
    if (this.#known.size >= MOST_REMEMBERED && !this.#known.has(name)) this.#known.clear();
    this.#known.set(name, Math.max(number, this.#known.get(name) ?? -1));
    for (const wait of this.#waits) {
      if (wait.epoch !== epoch || wait.number > number || !wait.members.delete(member)) continue;
      if (wait.members.size === 0) wait.done();
    }
  }
}

const LOOK_MS = 100;

function argumentsOf(change: LogChange, by: string): string[] {
  const text = JSON.stringify(change);
  if (change.kind === 'invalidate') return [change.kind, text, '', ''];
  if (change.kind === 'close') return [change.kind, text, change.intent, ''];
  const { kind: _, ...open } = change;
  return [change.kind, text, change.intent, JSON.stringify({ ...open, by })];
}

/** An intent as the engine has it. */
type EngineIntent = OpenIntent & { readonly by: string; readonly due?: number };

function replyOf([epoch, number, check, known, position, told, open, placed, , from]: Said): LogReply {
  const changes: PlacedChange[] = [];
  for (let at = 0; at < told.length; at += 2) changes.push([Number(told[at]), JSON.parse(told[at + 1] as string)]);
  const place = { epoch, number: Number(number), check: Number(check), sharing: 0 };
  const positions = placed.map(Number);
  if (known !== '') return { ...place, positions, changes, membership: undefined };
  const applied = Number(position);
  if (!Number.isSafeInteger(applied)) expected('E_LOG', 'the position of a log', position);
  const intents = open.map((text) => {
    const { by: _, due: __, ...intent } = JSON.parse(text) as EngineIntent;
    return intent;
  });
  const image = imageAfter(from, changes, { epoch, applied });
  return { ...place, positions, changes: undefined, membership: { image, intents } };
}
