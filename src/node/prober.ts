// The prober of one process: what it finds goes into the log, and operators ask it.

import type { Logger } from 'pino';
import type { ProberApi } from '../admin/contract.ts';
import type { Context, HitWatch } from '../engine/context.ts';
import type { GateRequest } from '../engine/contract.ts';
import { type Outdated, Prober, type ProberSettings } from '../engine/prober/prober.ts';
import { type Proof, proveOne } from '../engine/prober/prove.ts';
import { NO_FIELDS } from '../semantics/fields.ts';
import type { OwnRequest } from './front/admission.ts';

interface NodeProberParts {
  readonly settings: ProberSettings;
  readonly log: Logger;
  readonly shownPath: (path: string) => string;
  readonly requestFor: (asked: OwnRequest) => GateRequest | undefined;
}

export class NodeProber implements ProberApi {
  readonly settings: ProberSettings;
  readonly #parts: NodeProberParts;
  #context: Context | undefined;
  #prober: Prober | undefined;
  #hasFound = false;

  constructor(parts: NodeProberParts) {
    this.#parts = parts;
    this.settings = parts.settings;
  }

  /** For the gate (GateOptions). */
  readonly hits = (context: Context): HitWatch | undefined => {
    this.#context = context;
    const { settings, requestFor } = this.#parts;
    if (settings.share === 0) return undefined;
    const requestOf = ({ uri, fields = NO_FIELDS }: Pick<OwnRequest, 'uri'> & Partial<OwnRequest>) =>
      requestFor({ method: 'GET', uri, fields });
    this.#prober = new Prober(context, { settings, requestOf, found: (outdated) => this.#found(outdated) });
    return this.#prober;
  };

  examples(): readonly Outdated[] {
    return this.#prober?.examples() ?? [];
  }

  async prove(asked: OwnRequest): Promise<Proof | undefined> {
    const request = this.#parts.requestFor(asked);
    return request && this.#context && proveOne(this.#context, request);
  }

  stop(): void {
    this.#prober?.stop();
  }

  /** One line is enough: the rate and further examples are in `GET /prober`. */
  #found({ url, filledAtMs, servedAtMs, invalidated }: Outdated): void {
    if (this.#hasFound) return;
    this.#hasFound = true;
    const { host, pathname, search } = new URL(url);
    const what = { host, path: this.#parts.shownPath(pathname + search), ageMs: servedAtMs - filledAtMs, invalidated };
    this.#parts.log.warn(what, `an outdated answer was served: ${MEND}`);
  }
}

const MEND =
  'nobody told the gate of a change. Have the origin tell of it (tags and POST /invalidate, or a tracker), or give its route a ' +
  'shorter lifetime; see GET /prober';
