// A front with a gate that the test plays, and a client that sends and reads bytes.

import { connect, type Socket } from 'node:net';
import { onTestFinished } from 'vitest';
import type { Gate, GateRequest, Route, Unanswered, WholeAnswer } from '../../src/engine/contract.ts';
import { ANY_READING } from '../../src/entry/path-readings.ts';
import { type StoredResponse, wireForm } from '../../src/entry/stored-response.ts';
import { Front } from '../../src/node/front/front.ts';
import type {
  ExchangeEnd,
  FrontDeps,
  FrontHooks,
  FrontLimits,
  RefusalReport,
} from '../../src/node/front/front-contract.ts';
import { UNSTATED } from '../../src/node/front/trusted-proxies.ts';
import type { Answer, BodySource, Cancel, Eventually, Responder } from '../../src/ports.ts';
import { type Fields, NO_FIELDS } from '../../src/semantics/fields.ts';
import { SAFE_POLICY } from '../../src/semantics/policy.ts';
import type { RequestRules, Router, SiteRoute } from '../../src/site/router.ts';

export const LIMITS: FrontLimits = {
  maxTargetBytes: 1_000,
  maxHeadBytes: 4_000,
  maxFields: 30,
  maxConnections: 100,
  headTimeoutMs: 10_000,
  keepAliveMs: 5_000,
  maxRequestBodyBytes: 100_000,
  bufferedRequestBytes: 20_000,
  bufferedAnswerBytes: 1_048_576,
  spooledRequestBytes: 0,
  minRequestRate: 0,
  minRequestRateWindowMs: 20_000,
  minAnswerRate: 500,
  minAnswerRateWindowMs: 60_000,
  maxTunnels: 10,
  maxTunnelsPerClient: 10,
  tunnelIdleMs: 10_000,
};

export const RULES: RequestRules = {
  query: undefined,
  sortQuery: false,
  fields: { remove: new Set(), set: [] },
  bypass: () => false,
  paths: ANY_READING,
  methods: undefined,
  bodyOnGet: false,
  // Tests of what a reader of the content sees; reading ahead has its own.
  streamRequests: true,
  originHost: undefined,
  upgrade: true,
};

const ROUTE: Route = {
  tenant: '-',
  originName: 'app',
  origin: { forward: () => ({ pause() {}, resume() {}, abort() {} }) },
  policy: SAFE_POLICY,
  responseFields: { remove: new Set(), set: [] },
  cacheUri: (uri) => uri,
  retired: () => false,
  showTags: false,
};

export function siteRoute(rules: Partial<RequestRules> = {}): SiteRoute {
  return { name: 'all', route: ROUTE, request: { ...RULES, ...rules } };
}

/** Every host but those that begin with `unknown`, every path but those that begin with `/none`. */
export function routerTo(site: SiteRoute): Router {
  const knowsHost = (host: string) => !host.startsWith('unknown');
  return { knowsHost, match: (host, path) => (knowsHost(host) && !path.startsWith('/none') ? site : undefined) };
}

const UNANSWERED: Unanswered = { kind: 'unanswered', selection: undefined };

export type Handle = (request: GateRequest, responder: Responder) => Cancel | undefined;

export interface FrontUnderTest {
  readonly front: Front;
  readonly port: number;
  readonly requests: GateRequest[];
  /** What the front had for each of them from `answerAtOnce`. */
  readonly handed: (Unanswered | undefined)[];
  readonly refusals: RefusalReport[];
  readonly ends: ExchangeEnd[];
  readonly faults: unknown[];
}

export interface FrontSetup extends Partial<Omit<FrontDeps, 'gate' | 'hooks' | 'limits'>> {
  readonly handle?: Handle;
  /** What the gate has in memory. */
  readonly atOnce?: (request: GateRequest) => Eventually<WholeAnswer | undefined>;
  readonly rules?: Partial<RequestRules>;
  readonly limits?: Partial<FrontLimits>;
  readonly lost?: FrontHooks['lost'];
  readonly upgradeOff?: FrontHooks['upgradeOff'];
}

/** Listens on a free port; closed when the test ends. */
export async function startFront(setup: FrontSetup = {}): Promise<FrontUnderTest> {
  const {
    handle = (_request, responder) => answerText(responder, 'ok'),
    atOnce,
    rules,
    limits,
    lost,
    upgradeOff,
    ...rest
  } = setup;
  const requests: GateRequest[] = [];
  const handed: (Unanswered | undefined)[] = [];
  const refusals: RefusalReport[] = [];
  const ends: ExchangeEnd[] = [];
  const faults: unknown[] = [];
  const gate = {
    answerAtOnce(request: GateRequest) {
      const answer = atOnce?.(request);
      return answer instanceof Promise ? answer.then((late) => late ?? UNANSWERED) : (answer ?? UNANSWERED);
    },
    handle(request: GateRequest, responder: Responder, unanswered?: Unanswered) {
      requests.push(request);
      handed.push(unanswered);
      return handle(request, responder) ?? (() => {});
    },
  } as unknown as Gate;
  const router = routerTo(siteRoute(rules));
  const front = new Front({
    site: () => ({ router }),
    gate,
    limits: { ...LIMITS, ...limits },
    trust: () => UNSTATED,
    originOf: () => ({ url: 'http://127.0.0.1:1' }),
    hooks: {
      ended: (end) => ends.push(end),
      refused: (report) => refusals.push(report),
      fault: (error) => faults.push(error),
      ...(lost !== undefined && { lost }),
      ...(upgradeOff !== undefined && { upgradeOff }),
    },
    ...rest,
  });
  const { port } = await front.listen({ host: '127.0.0.1', port: 0 });
  onTestFinished(() => front.close({ graceMs: 0 }));
  return { front, port, requests, handed, refusals, ends, faults };
}

const OUTCOME = { hit: true };

export function answerText(responder: Responder, text: string, fields: Fields = NO_FIELDS, status = 200): undefined {
  responder.respond({ kind: 'whole', head: { status, fields }, body: Buffer.from(text), outcome: OUTCOME });
}

export function storedAnswer(text: string, fields: Fields, status = 200): Answer {
  const wire = wireForm(fields, [Buffer.from(text)]);
  const entry = { kind: 'response', key: 'k', ...wire, status } as unknown as StoredResponse;
  return { kind: 'stored', entry, added: ['age', '7', 'cache-status', 'tidegate; hit'], outcome: OUTCOME };
}

export function streamedAnswer(body: BodySource, fields: Fields = NO_FIELDS, status = 200): Answer {
  return { kind: 'streamed', head: { status, fields }, body, outcome: { hit: false } };
}

/** A body that the test feeds. */
export class FedBody implements BodySource {
  readonly #queue: (Uint8Array | 'end' | 'failed')[] = [];
  #ready: (() => void) | undefined;
  #trailers: Fields = NO_FIELDS;
  reads = 0;
  cancelled = false;

  feed(...parts: (string | Uint8Array | 'end' | 'failed')[]): this {
    for (const part of parts) {
      const bytes = typeof part === 'string' && part !== 'end' && part !== 'failed' ? Buffer.from(part) : part;
      this.#queue.push(bytes as Uint8Array | 'end' | 'failed');
    }
    const ready = this.#ready;
    this.#ready = undefined;
    ready?.();
    return this;
  }

  trail(trailers: Fields): this {
    this.#trailers = trailers;
    return this;
  }

  read(): Uint8Array | 'pending' | 'end' | 'failed' {
    this.reads++;
    return this.#queue.shift() ?? 'pending';
  }

  whenReadable(ready: () => void): void {
    this.#ready = ready;
  }

  cancel(): void {
    this.cancelled = true;
  }

  trailers(): Fields {
    return this.#trailers;
  }
}

/** A client of bytes. */
export class RawClient {
  readonly socket: Socket;
  received = '';
  closed = false;
  error: Error | undefined;
  #changed: (() => void) | undefined;

  constructor(port: number) {
    this.socket = connect(port, '127.0.0.1');
    this.socket.setEncoding('latin1');
    this.socket.on('data', (text: string) => {
      this.received += text;
      this.#changed?.();
    });
    this.socket.on('error', (error) => {
      this.error = error;
    });
    this.socket.on('close', () => {
      this.closed = true;
      this.#changed?.();
    });
    onTestFinished(() => {
      this.socket.destroy();
    });
  }

  send(text: string): this {
    this.socket.write(text, 'latin1');
    return this;
  }

  /** Until `there` accepts what was received. */
  async until(there: (received: string) => boolean): Promise<string> {
    while (!there(this.received)) {
      if (this.closed) throw new Error(`closed after ${JSON.stringify(this.received)}`);
      await this.#change();
    }
    return this.received;
  }

  async untilClosed(): Promise<string> {
    while (!this.closed) await this.#change();
    return this.received;
  }

  #change(): Promise<void> {
    return new Promise((resolve) => {
      this.#changed = resolve;
    });
  }
}

/** Sends the request on a connection of its own and reads to its end: the request should ask for that. */
export async function exchange(port: number, text: string): Promise<string> {
  const client = new RawClient(port).send(text);
  return client.untilClosed();
}

/** A GET that closes the connection. */
export function get(path: string, ...fields: readonly string[]): string {
  return `GET ${path} HTTP/1.1\r\nHost: example.org\r\nConnection: close\r\n${fields.map((field) => `${field}\r\n`).join('')}\r\n`;
}

export function statusOf(answer: string): number {
  return Number(/^HTTP\/1\.1 (\d{3})/.exec(answer)?.[1]);
}

/** The values of a field of the first answer in the text. */
export function valuesOf(answer: string, name: string): string[] {
  const head = answer.slice(0, answer.indexOf('\r\n\r\n'));
  const lines = head
    .split('\r\n')
    .slice(1)
    .map((line) => line.split(/: ?(.*)/s));
  return lines.filter(([key]) => key?.toLowerCase() === name).map(([, value = '']) => value);
}

export function bodyText(answer: string): string {
  return answer.slice(answer.indexOf('\r\n\r\n') + 4);
}

/** Until the condition holds; each look is one turn of the event loop, however fast those are here. */
export async function eventually(holds: () => boolean): Promise<void> {
  const until = performance.now() + 10_000;
  while (performance.now() < until) {
    if (holds()) return;
    await new Promise((resolve) => setImmediate(resolve));
  }
  throw new Error('expected a condition to come true, got none');
}
