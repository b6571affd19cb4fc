// A simulated client: asks once, reads at its own speed, leaves when it likes, and keeps the bytes.

import type { Gate, Route } from '../../src/engine/contract.ts';
import { bodyOf, decodeHead } from '../../src/entry/stored-response.ts';
import type { Answer, BodySource, Cancel } from '../../src/ports.ts';
import { type Fields, NO_FIELDS } from '../../src/semantics/fields.ts';
import type { Outcome } from '../../src/semantics/outcome.ts';
import { requestOf } from '../kit/clients.ts';
import type { SimulatedProcess } from '../kit/simulated-process.ts';
import type { Question } from './asking.ts';

export interface ClientHooks {
  /** The answer has begun. */
  readonly answered: (client: Client) => void;
  /** All has been read that ever will be. */
  readonly over: (client: Client) => void;
}

export interface Asked extends Question {
  readonly id: string;
  readonly arrivedAt: number;
  /** The oldest version of the resource that may be shown: the latest acknowledged as the request arrived. */
  readonly mustShow: number;
}

export class Client {
  readonly asked: Asked;
  status = 0;
  fields: Fields = NO_FIELDS;
  outcome: Outcome | undefined;
  state: 'waiting' | 'reading' | 'done' | 'failed' | 'left' | 'cut' = 'waiting';
  interims = 0;
  /** The oldest version that a stale answer may show: the latest acknowledged as the answer began. */
  mustShowStale = 0;
  /** Who answers it. */
  readonly process: SimulatedProcess;
  readonly #hooks: ClientHooks;
  #paused: boolean;
  readonly #chunks: Uint8Array[] = [];
  #source: BodySource | undefined;
  #cancel: Cancel = () => {};

  constructor(asked: Asked, hooks: ClientHooks, by: { readonly process: SimulatedProcess; readonly paused: boolean }) {
    this.asked = asked;
    this.#hooks = hooks;
    this.process = by.process;
    this.#paused = by.paused;
  }

  send(gate: Gate, route: Route): void {
    const { resource, method, fields, bypass, id } = this.asked;
    const ask = { method, path: resource.path, fields: [...fields, 'x-request-id', id], bypass };
    const cancel = gate.handle(requestOf(route, ask), {
      interim: () => this.process.alive && this.#interim(),
      respond: (answer) => this.process.alive && this.#take(answer),
    });
    this.#cancel = cancel;
  }

  get body(): Uint8Array {
    return this.#chunks.length === 1 ? (this.#chunks[0] as Uint8Array) : Buffer.concat(this.#chunks);
  }

  get isOver(): boolean {
    return this.state !== 'waiting' && this.state !== 'reading';
  }

  /** Reads what a paused client has left lying, and goes on. */
  read(): void {
    this.#paused = false;
    if (this.state === 'reading') this.#pump();
  }

  leave(): void {
    if (this.isOver) return;
    if (this.#source !== undefined) this.#source.cancel();
    else this.#cancel();
    this.#end('left');
  }

  /** Its connection has ended with the process that answered it. */
  cut(): void {
    if (!this.isOver) this.#end('cut');
  }

  #interim(): void {
    if (this.state !== 'waiting') throw new Error(`expected no interim response while ${this.state}, got one`);
    this.interims++;
  }

  #take(answer: Answer): void {
    if (this.state !== 'waiting') throw new Error(`expected no answer while ${this.state}, got one`);
    this.state = 'reading';
    this.outcome = answer.outcome;
    if (answer.kind === 'stored') {
      const { entry } = answer;
      this.#begin(entry.status, [...decodeHead(entry.bytes, entry.headBytes), ...answer.added]);
      this.#finish(bodyOf(entry));
    } else if (answer.kind === 'whole') {
      this.#begin(answer.head.status, answer.head.fields);
      this.#finish(answer.body);
    } else {
      this.#source = answer.body;
      this.#begin(answer.head.status, answer.head.fields);
      if (!this.#paused) this.#pump();
    }
  }

  #begin(status: number, fields: Fields): void {
    this.status = status;
    this.fields = fields;
    this.#hooks.answered(this);
  }

  #finish(body: Uint8Array | undefined): void {
    if (body !== undefined && this.asked.method !== 'HEAD') this.#chunks.push(body);
    this.#end('done');
  }

  #pump(): void {
    const source = this.#source as BodySource;
    while (this.state === 'reading') {
      const chunk = source.read();
      if (chunk === 'pending') return source.whenReadable(() => this.process.alive && this.#pump());
      if (chunk === 'end' || chunk === 'failed') {
        source.cancel();
        return this.#end(chunk === 'end' ? 'done' : 'failed');
      }
      this.#chunks.push(chunk);
    }
  }

  #end(state: 'done' | 'failed' | 'left' | 'cut'): void {
    this.state = state;
    this.#hooks.over(this);
  }
}
