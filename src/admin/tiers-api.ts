// The part of the admin API about single tiers: what each holds, whether they agree, and emptying one of them.

import { expected } from '../errors.ts';
import { type AdminResponse, type AdminRoute, json, parseJson } from './answers.ts';

/** Tiers that can be emptied alone. `disk`: the bytes, while the manifest still names them; `manifest`: both. */
export const CLEARABLE = ['memory', 'disk', 'manifest'] as const;
export type Clearable = (typeof CLEARABLE)[number];

/** Contents of memory, disk and manifest; memory alone without a disk tier. */
export interface TierHoldings {
  readonly memory: { readonly entries: number; readonly bytes: number; readonly maxBytes: number };
  readonly disk?: {
    readonly entries: number;
    readonly bytes: number;
    readonly maxBytes: number;
    readonly segments: number;
    readonly largeBodies: number;
    readonly indexLoaded: boolean;
  };
  readonly manifest?: {
    /** Entries it names. */
    readonly rows: number;
    /** Bytes of all entries it names. */
    readonly bytes: number;
  };
}

/** Whether the tiers agree. A difference is looked up again on demand: it costs misses, not wrong answers. */
export interface TierAgreement {
  readonly agree: boolean;
  readonly memory: {
    readonly entries: number;
    /** Entries missing on the disk because it declined or evicted them. No disagreement. */
    readonly notOnDisk: number;
    /** Entries whose fill differs from the one on the disk. */
    readonly differing: number;
  };
  /** Rows of the manifest against the records and files on the disk, counted by what is found. */
  readonly disk?: { readonly [finding: string]: number };
  /** A few disagreements, in words. */
  readonly examples: readonly string[];
}

/** Control of the tiers; the composition root hands it in. */
export interface TierApi {
  holdings(): Promise<TierHoldings>;
  /** Reads every row, and the beginning of every record. */
  check(): Promise<TierAgreement>;
  /** Empties one tier; returns how many entries it held. Throws E_SELECTOR when there is no such tier. */
  clear(what: Clearable): Promise<number>;
}

export function tierRoutes(tiers: TierApi): AdminRoute[] {
  return [
    { method: 'GET', path: '/tiers', keys: [], answer: async () => json(200, await tiers.holdings()) },
    { method: 'GET', path: '/tiers/check', keys: [], answer: async () => json(200, await tiers.check()) },
    { method: 'POST', path: '/tiers/clear', keys: [], answer: (_query, bodyText) => clear(tiers, bodyText) },
  ];
}

async function clear(tiers: TierApi, bodyText: string): Promise<AdminResponse> {
  const body = parseJson(bodyText);
  const { tier, ...rest } = (typeof body === 'object' && body !== null ? body : {}) as { readonly tier?: unknown };
  const what = CLEARABLE.find((name) => name === tier);
  if (what === undefined || Object.keys(rest).length > 0) {
    return expected('E_SELECTOR', `{"tier": one of ${CLEARABLE.join(', ')}}`, bodyText);
  }
  return json(200, { tier: what, removed: await tiers.clear(what) });
}
