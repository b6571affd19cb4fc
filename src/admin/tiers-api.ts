// The part of the admin API about the tiers one by one: what each holds, whether they agree, and emptying a single one.

import { expected } from '../errors.ts';
import { type AdminResponse, type AdminRoute, json, parseJson } from './answers.ts';

/** What can be emptied alone. `disk`: the bytes, while the manifest still names them; `manifest`: both. */
export const CLEARABLE = ['memory', 'disk', 'manifest'] as const;
export type Clearable = (typeof CLEARABLE)[number];

/** What memory, disk and manifest hold; without a disk tier memory alone. */
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
    /** Bytes of all that it names. */
    readonly bytes: number;
  };
}

/** Whether they hold the same. What differs is looked up anew when it is asked for: it costs misses, no wrong answers. */
export interface TierAgreement {
  readonly agree: boolean;
  readonly memory: {
    readonly entries: number;
    /** Entries that the disk has not, since it declined or evicted them. No disagreement. */
    readonly notOnDisk: number;
    /** Entries of another fill than those on the disk. */
    readonly differing: number;
  };
  /** Rows of the manifest against the records and files on the disk, counted by what is found. */
  readonly disk?: { readonly [finding: string]: number };
  /** A few of what does not agree, in words. */
  readonly examples: readonly string[];
}

/** What the composition root hands in. */
export interface TierApi {
  holdings(): Promise<TierHoldings>;
  /** Reads every row, and the beginning of every record. */
  check(): Promise<TierAgreement>;
  /** Removes what one of them holds; returns how many entries that were. Throws E_SELECTOR where it is not there. */
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
