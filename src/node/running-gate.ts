// A gate as those have it who started it.

import type { PublishHook } from '../admin/contract.ts';
import type { Published } from '../admin/publish-api.ts';
import type { Gate } from '../engine/contract.ts';
import type { Duration } from '../options/durations.ts';
import type { ResolvedConfig } from './config/config.ts';

export interface RunningGate {
  /** Where clients connect, e.g. `http://127.0.0.1:8080`. */
  readonly url: string;
  readonly adminUrl: string;
  readonly gate: Gate;
  /**
   * Tells of what was published: invalidates the tags and URLs, and has the URLs filled. Resolves when nothing outdated is served any
   * more. Rejects with E_SELECTOR, or E_POPULATE when too much waits already.
   */
  publish(what: Partial<PublishHook>): Promise<Published>;
  /** Serves new requests under another configuration; listeners and memory stay. */
  reload(config: ResolvedConfig): Promise<void>;
  /** Stops accepting, finishes running exchanges, and cuts off the rest after `grace`. Rejects with E_CONFIG. */
  close(options?: CloseOptions): Promise<void>;
}

export interface CloseOptions {
  /** How long running exchanges may take to finish. Default 10 seconds. */
  readonly grace?: Duration;
}
