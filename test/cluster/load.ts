// Clients of all members, which go on whatever happens to these.

import { Agent } from 'node:http';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { setTimeout as sleep } from 'node:timers/promises';
import { ask } from '../drill/client.ts';
import type { Dice } from '../sim/dice.ts';
import type { Figures } from './figures.ts';
import type { Member } from './member.ts';
import type { Truth } from './truth.ts';

export interface LoadParts {
  readonly members: readonly Member[];
  readonly truth: Truth;
  readonly figures: Figures;
  readonly dice: Dice;
  readonly leaseMs: number;
}

const CLIENTS = 4;
const WRITES = 0.03;
const PAUSE_MS = 12;
const PATIENCE_MS = 10_000;
const HOST = 'shop.example';

export class Load {
  readonly #parts: LoadParts;
  readonly #agent = new Agent({ keepAlive: true });
  readonly #delay = monitorEventLoopDelay({ resolution: 10 });
  #isOver = false;
  #running: Promise<unknown> = Promise.resolve();

  constructor(parts: LoadParts) {
    this.#parts = parts;
  }

  start(): void {
    this.#delay.enable();
    const { members } = this.#parts;
    this.#running = Promise.all(members.flatMap((member) => Array.from({ length: CLIENTS }, () => this.#go(member))));
  }

  async stop(): Promise<void> {
    this.#isOver = true;
    await this.#running;
    this.#agent.destroy();
    this.#delay.disable();
  }

  async #go(member: Member): Promise<void> {
    const { dice } = this.#parts;
    while (!this.#isOver) {
      if (member.url === undefined) await sleep(50);
      else await (dice.chance(WRITES) ? this.#write(member, member.url) : this.#read(member, member.url));
      await sleep(dice.below(PAUSE_MS));
    }
  }

  async #read(member: Member, base: string): Promise<void> {
    const { truth, figures } = this.#parts;
    const { kind, name } = member.parts;
    const key = this.#key();
    const least = truth.least(kind, key);
    const reply = await ask({ url: `${base}/${key}`, agent: this.#agent, timeoutMs: PATIENCE_MS, host: HOST });
    if (reply === undefined || reply.status !== 200) return figures.add('reads without an answer');
    const how = reply.field('cache-status');
    figures.add('answers');
    if (how.includes('no-lease')) figures.add('passes for want of a lease');
    if (Number(reply.text) < least) {
      figures.outdated(`${name} gave ${key} in version ${reply.text} after ${least} was acknowledged (${how})`);
    }
    if (!/; hit\b/.test(how)) return;
    figures.add('hits');
    figures.hit(member);
  }

  async #write(member: Member, base: string): Promise<void> {
    const { truth, figures, leaseMs } = this.#parts;
    const key = this.#key();
    this.#delay.reset();
    const began = performance.now();
    const url = `${base}/${key}`;
    const reply = await ask({ url, agent: this.#agent, timeoutMs: PATIENCE_MS, body: 'x', host: HOST });
    const tookMs = performance.now() - began;
    const isAcknowledged = reply?.status === 200;
    if (isAcknowledged) truth.acknowledged(member.parts.kind, key, Number(reply.text));
    figures.add(isAcknowledged ? 'writes acknowledged' : 'writes that failed');
    // A process that stands still or has ended answers nobody.
    if (reply === undefined || member.healedMs === undefined || member.healedMs > began) return;
    const intentMs = member.parts.kind === 'gate' ? 1_000 : 0;
    const isHeld = this.#delay.max / 1e6 > HELD_MS;
    figures.write({ name: member.parts.name, tookMs, isHeld, isLate: tookMs > leaseMs + 1_000 + intentMs + ORIGIN_MS });
  }

  #key(): string {
    const { dice, truth } = this.#parts;
    return truth.keys[dice.below(truth.keys.length)] as string;
  }
}

/** The scheduler held this process. */
const HELD_MS = 50;
/** What a write takes besides. */
const ORIGIN_MS = 250;
