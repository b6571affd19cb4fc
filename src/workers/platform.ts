// What the gate takes of Cloudflare's platform: the parts that it calls, no more. Types alone.

import type { PlatformCache } from '../store/cache-api/cache-api-store.ts';
import type { Platform } from '../web/platform.ts';
import type { PurgedCache } from './platform-purges.ts';

/** The bindings of a Worker, by their names. */
export type Bindings = Readonly<Record<string, unknown>>;

/** What the platform gives with a request or an event. */
export interface ExecutionContext {
  /** Keeps the isolate's work alive after the answer, for a while; the platform may cut it. */
  waitUntil(work: Promise<unknown>): void;
  passThroughOnException?(): void;
  readonly props?: unknown;
  /** The platform's cache in front of the entrypoint; undefined: there is none. */
  readonly cache?: PurgedCache;
  /** The Worker's own entrypoints, as callers inside it reach them. */
  readonly exports?: Readonly<Record<string, unknown>>;
}

/** A request, and what the platform gives with it. */
export interface Passage {
  readonly request: Request;
  readonly env: Bindings;
  readonly context: ExecutionContext;
}

/** Whatever answers a Request: a service binding, an entrypoint, the stub of a Durable Object. */
export interface Fetcher {
  fetch(request: Request, init?: object): Promise<Response>;
}

/** A namespace of Durable Objects. */
export interface ObjectNamespace<Stub = unknown> {
  idFromName(name: string): unknown;
  get(id: unknown): Stub;
}

export interface WorkersPlatform extends Platform {
  /** Asks a server over the network. */
  readonly fetch: (request: Request, init?: RequestInit) => Promise<Response>;
  /** The cache of the data centre. */
  readonly cache: () => PlatformCache;
  /** Keeps work of the present request alive after its answer. */
  readonly waitUntil: (work: Promise<unknown>) => void;
}
