// The calls of operators. No request needs them, so a bundle that only answers requests does not carry them.

import type { Selector } from '../ledger/selector.ts';
import type { Context } from './context.ts';
import type { Gate, GateStats, InvalidationResult } from './contract.ts';
import { explainRequest, listEntries } from './summary.ts';

export function operationsOf(context: Context): Pick<Gate, 'purge' | 'list' | 'explain' | 'stats' | 'counts'> {
  return {
    purge: (selector) => purge(context, selector),
    list: (query) => listEntries(context, query),
    explain: (request) => explainRequest(context, request),
    stats: () => statsOf(context),
    counts: () => ({
      ...context.statistics.counts(context.tiers.names),
      invalidations: context.invalidator.causes,
    }),
  };
}

/** See `Gate`. */
export async function purge(context: Context, selector: Selector): Promise<InvalidationResult> {
  context.tally.purges++;
  const position = await context.invalidator.invalidate(selector);
  const matched = await context.tiers.purge(selector);
  context.invalidator.found('call', matched);
  return { position, matched };
}

const NOTHING_CODED: GateStats['coding'] = { made: 0, bytesSaved: 0, skipped: {} };

function statsOf(context: Context): GateStats {
  const { tally, ledger, invalidator, figures } = context;
  const { memoryStats, diskStats } = figures;
  return {
    requests: context.statistics.outcomes(),
    forwards: { ...tally.forwards },
    details: { ...tally.details },
    refusedStores: { ...tally.refusedStores },
    stores: tally.stores,
    variantsDropped: context.tiers.variants.dropped,
    invalidations: { ...invalidator.counts },
    purges: tally.purges,
    unknownPositions: context.positions.unknown,
    exceptions: { ...tally.exceptions },
    intentsOpen: ledger.openIntents,
    fillsInFlight: tally.fillsInFlight,
    position: ledger.applied,
    coding: context.coder?.counts ?? NOTHING_CODED,
    memory: memoryStats(),
    ...(diskStats !== undefined && { disk: diskStats() }),
    ...(context.hits !== undefined && { prober: context.hits.counts() }),
  };
}
