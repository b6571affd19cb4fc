// The metrics of predictive filling. Counters alone, which add up over processes: precision is (hit + joined) by all that are not open.

import type { Metric, Series } from '../../metrics/collected.ts';
import { seriesOf } from '../../metrics/measures.ts';
import type { PredictionFigures } from '../../prediction/prediction.ts';

interface Copied {
  readonly metric: Metric;
  readonly read: (figures: PredictionFigures | undefined) => readonly Series[];
}

export const OF_PREDICTION: readonly Copied[] = [
  {
    metric: {
      kind: 'counter',
      name: 'tidegate_predicted_total',
      help: 'What was filled as it was likely asked for next, by what came of it: hit (a hit that would have been a miss), joined (asked for while the fill was under way), unused.',
      labelNames: ['end'],
    },
    read: (figures) => {
      const { hits = 0, joined = 0, unused = 0 } = figures ?? {};
      return seriesOf({ hit: hits, joined, unused }, 'end');
    },
  },
  {
    metric: {
      kind: 'counter',
      name: 'tidegate_predicted_fills_total',
      help: 'Fills of what was likely asked for next.',
      labelNames: [],
    },
    read: (figures) => seriesOf(figures?.predicted ?? 0, undefined),
  },
];
