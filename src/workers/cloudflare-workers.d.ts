// What is used of the module that the platform provides.

declare module 'cloudflare:workers' {
  export class DurableObject {
    constructor(context: unknown, env: unknown);
  }
  export class WorkerEntrypoint {
    constructor(context: unknown, env: unknown);
  }
  export function waitUntil(work: Promise<unknown>): void;
}
