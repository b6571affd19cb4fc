// What is used of the module that the platform provides.

declare module 'cloudflare:workers' {
  export class DurableObject {
    constructor(context: unknown, env: unknown);
  }
  export class WorkerEntrypoint {
    constructor(context: unknown, env: unknown);
  }
  /** The bindings; within `withEnv`, and all that its work causes, what that was given. */
  export const env: import('./platform.ts').Bindings;
  export function withEnv<T>(env: object, work: () => T): T;
  export function waitUntil(work: Promise<unknown>): void;
}
