// What is used of the module that the platform provides.

declare module 'cloudflare:workers' {
  export class DurableObject {
    constructor(context: unknown, env: unknown);
  }
  export class WorkerEntrypoint {
    constructor(context: unknown, env: unknown);
  }
  /** The bindings, for code that runs when the Worker is loaded. */
  export const env: import('./platform.ts').Bindings;
  export function waitUntil(work: Promise<unknown>): void;
}
