// The configuration of a gate on Workers, as the gate uses it.

import type { ResolvedSite } from '../site/resolved.ts';
import type { WorkersOrigin } from './origins.ts';

export type Tier = 'memory' | 'workers-cache' | 'cache-api' | 'kv';

export interface WorkersSettings extends ResolvedSite {
  readonly origins: {
    readonly [name: string]: WorkersOrigin & {
      readonly kind: 'url' | 'service' | 'handler';
      readonly timeoutMs: number;
      readonly hostHeader?: undefined;
    };
  };
  /** Memory of the isolate for stored responses. */
  readonly maxBytes: number;
  /** Where responses are stored, in the order asked. */
  readonly tiers: readonly Tier[];
  readonly kv: { readonly binding: string };
  /** Those that share a KV namespace or a cache by mistake are told apart by it. */
  readonly environment: string;
  readonly coherence: {
    readonly mode: 'lease' | 'strict' | 'bounded';
    /** How long an isolate serves without asking; in the mode `bounded`, how long it may be behind. */
    readonly leaseMs: number;
    /** Name of the binding of the Durable Objects that hold the log. */
    readonly binding: string;
    readonly shard: 'one' | 'host' | 'tenant';
  };
  /** The admin API: the path under which it stands, and the name of the variable that has its token. Undefined: none. */
  readonly admin: { readonly path: string; readonly token: string } | undefined;
  readonly onFault: ((error: unknown) => unknown) | undefined;
}
