// The differences between the processes of one gate; see workers/. Types only. A gate of a single process has no role.

import type { AdminDeps } from '../admin/contract.ts';
import type { Gate, Rehydrator } from '../engine/contract.ts';
import type { Duration } from '../options/durations.ts';
import type { Origin } from '../ports.ts';
import type { ResolvedConfig } from './config/config.ts';
import type { Front } from './front/front-contract.ts';
import type { Metrics } from './operator/metrics.ts';

export type Role =
  /** Serves clients, beside others on one port. Another process handles operators, populating and the disk. */
  | { readonly kind: 'worker'; readonly origin: (origin: Origin) => Origin }
  /** Serves operators, and has workers serve the clients: they are its front. */
  | {
      readonly kind: 'primary';
      readonly front: Pick<Front, 'listen' | 'close'>;
      readonly metrics: Metrics;
      readonly admin: (deps: AdminDeps) => AdminDeps;
    };

export interface CloseOptions {
  /** How long running exchanges may take to finish. Default 10 seconds. */
  readonly grace?: Duration;
}

/** A gate in its role. */
export interface Part {
  readonly url: string;
  readonly adminUrl: string;
  /** Where clients connect. */
  readonly port: number;
  readonly gate: Gate;
  readonly metrics: Metrics;
  readonly rehydrator: Rehydrator;
  readonly requestFor: AdminDeps['explainRequest'];
  clientBytes(): number;
  /** Call this before any process serves under another configuration. Throws E_TLS, and then changes nothing. */
  prepare(news: ResolvedConfig): void;
  reload(config: ResolvedConfig): Promise<void>;
  close(options?: CloseOptions): Promise<void>;
}
