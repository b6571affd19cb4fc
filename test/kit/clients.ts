// Clients of a gate in tests: each asks once and keeps what it is told.

import type { Gate, GateRequest, Route } from '../../src/engine/contract.ts';
import { bodyOf, decodeHead } from '../../src/entry/stored-response.ts';
import type { Answer, BodySource, Cancel, Origin } from '../../src/ports.ts';
import { type Fields, fieldValue, type ResponseHead } from '../../src/semantics/fields.ts';
import type { Outcome } from '../../src/semantics/outcome.ts';
import { type CachePolicy, SAFE_POLICY } from '../../src/semantics/policy.ts';

export function routeTo(origin: Origin, policy: Partial<CachePolicy> = {}): Route {
  return {
    tenant: '-',
    originName: 'api',
    origin,
    policy: { ...SAFE_POLICY, ...policy },
    responseFields: { remove: new Set(), set: [] },
    cacheUri: (uri) => uri,
    retired: () => false,
    showTags: false,
  };
}

export interface Ask {
  readonly method?: string;
  readonly path: string;
  readonly fields?: Fields;
  readonly body?: string;
  readonly bypass?: boolean;
  readonly client?: string;
}

/** One request and all that came back. */
export class Client {
  readonly interims: ResponseHead[] = [];
  status: number | undefined;
  fields: Fields = [];
  outcome: Outcome | undefined;
  state: 'waiting' | 'reading' | 'done' | 'failed' = 'waiting';
  trailers: Fields = [];
  #chunks: Uint8Array[] = [];
  #source: BodySource | undefined;
  #cancel: Cancel = () => {};
  readonly #paused: boolean;
  readonly #method: string;

  constructor(method: string, paused: boolean) {
    this.#method = method;
    this.#paused = paused;
  }

  static ask(gate: Gate, route: Route, ask: Ask & { readonly paused?: boolean }): Client {
    const client = new Client(ask.method ?? 'GET', ask.paused ?? false);
    const responder = {
      interim: (head: ResponseHead) => void client.interims.push(head),
      respond: (answer: Answer) => client.#take(answer),
    };
    client.#cancel = gate.handle(requestOf(route, ask), responder);
    return client;
  }

  get text(): string {
    return Buffer.concat(this.#chunks).toString();
  }

  get cacheStatus(): string {
    return this.field('cache-status') ?? '';
  }

  field(name: string): string | undefined {
    return fieldValue(this.fields, name);
  }

  /** Reads what a paused client has left lying. */
  read(): void {
    this.#pump();
  }

  leave(): void {
    if (this.#source !== undefined) this.#source.cancel();
    else this.#cancel();
  }

  #take(answer: Answer): void {
    if (this.status !== undefined) throw new Error('expected one answer, got a second');
    this.outcome = answer.outcome;
    if (answer.kind === 'stored') {
      const { entry } = answer;
      this.#finish(entry.status, [...decodeHead(entry.bytes, entry.headBytes), ...answer.added], bodyOf(entry));
    } else if (answer.kind === 'whole') {
      this.#finish(answer.head.status, answer.head.fields, answer.body);
    } else {
      this.status = answer.head.status;
      this.fields = answer.head.fields;
      this.state = 'reading';
      this.#source = answer.body;
      answer.body.takenBy?.({ pace: undefined, cut: () => this.leave() });
      if (!this.#paused) this.#pump();
    }
  }

  #finish(status: number, fields: Fields, body: Uint8Array | undefined): void {
    this.status = status;
    this.fields = fields;
    if (body !== undefined && this.#method !== 'HEAD') this.#chunks.push(body);
    this.state = 'done';
  }

  #pump(): void {
    const source = this.#source as BodySource;
    for (;;) {
      const chunk = source.read();
      if (chunk === 'pending') return source.whenReadable(() => this.#pump());
      if (chunk === 'end' || chunk === 'failed') {
        this.state = chunk === 'end' ? 'done' : 'failed';
        this.trailers = source.trailers();
        return source.cancel();
      }
      this.#chunks.push(chunk);
    }
  }
}

export function requestOf(route: Route, ask: Ask): GateRequest {
  const { method = 'GET', path, fields = [], body, bypass = false, client } = ask;
  return {
    route,
    method,
    uri: `http://example.org${path}`,
    target: path,
    fields: ['host', 'example.org', ...fields],
    body: body === undefined ? undefined : chunksOf(body),
    bypass,
    client,
  };
}

async function* chunksOf(text: string): AsyncGenerator<Uint8Array> {
  yield Buffer.from(text);
}
