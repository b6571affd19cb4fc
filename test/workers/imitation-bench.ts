// The bench of the imitated Workers Cache's own tests: a deployed entrypoint whose answers are numbered, and simulated time.

import { beforeEach } from 'vitest';
import { SimulatedTime } from '../kit/simulated-time.ts';
import { live } from './platform/living.ts';
import { type EntrypointOptions, WorkersCacheImitation } from './platform/workers-cache.ts';

export interface Ask extends RequestInit {
  readonly at?: string;
  readonly props?: unknown;
  readonly url?: string;
  readonly cacheKey?: string;
}

type Deployed = ReturnType<WorkersCacheImitation['entrypoint']>;

export class ImitationBench {
  readonly time = new SimulatedTime();
  readonly cache = new WorkersCacheImitation({ time: this.time });
  runs = 0;
  /** What the entrypoint answers; the body is the number of its run. */
  headers: Record<string, string> = { 'cache-control': 'max-age=60' };

  deployed(options: Partial<EntrypointOptions> = {}): Deployed {
    const run = () => new Response(String(++this.runs), { headers: this.headers });
    return this.cache.entrypoint({ name: 'Stored', version: 'v1', run, ...options });
  }

  ask(stored: Deployed, how: Ask = {}): Promise<{ status: number; headers: Headers; text: string }> {
    const { at = 'ams', props, url = 'https://a.example/x?b=1&a=2', cacheKey, ...init } = how;
    const cf = cacheKey === undefined ? {} : { cf: { cacheKey } };
    const work = async () => {
      const response = await stored.at(at, { props }).fetch(new Request(url, init), cf);
      return { status: response.status, headers: response.headers, text: await response.text() };
    };
    return live(this.time, work());
  }

  async textOf(...given: Parameters<ImitationBench['ask']>): Promise<string> {
    return (await this.ask(...given)).text;
  }

  /** A run whose answer the test gives bit by bit. */
  slowRun() {
    const controllers: ReadableStreamDefaultController<Uint8Array>[] = [];
    const run = () => {
      this.runs++;
      const body = new ReadableStream<Uint8Array>({ start: (controller) => void controllers.push(controller) });
      return new Response(body, { headers: this.headers });
    };
    const say = (text: string) => controllers[0]?.enqueue(Buffer.from(text));
    return { run, say, end: () => controllers[0]?.close(), cut: () => controllers[0]?.error(new Error('cut')) };
  }

  /** Lets what is under way go on. */
  async pass(ms: number): Promise<void> {
    await live(this.time, new Promise<void>((resolve) => void this.time.later(ms, resolve)));
  }
}

/** A new one for each test. */
export function imitationBench(): { readonly bench: ImitationBench } {
  const held = { bench: new ImitationBench() };
  beforeEach(() => {
    held.bench = new ImitationBench();
  });
  return held;
}
