import { useRef } from 'preact/hooks';
import type { StatsDocument, StatsPoint } from '../../src/admin/stats-contract.ts';
import { countText, msText, percentText, rateText, sizeText } from '../format.ts';
import { usePolled } from '../hooks.ts';
import { Bar, Card, Empty, Figure, Problem, Table } from '../parts.tsx';
import { Plot } from '../plot.tsx';

interface ProberState {
  readonly settings: { readonly share: number; readonly ratePerSecond: number };
  readonly rate?: number;
  readonly interval: { readonly low: number; readonly high: number };
  readonly samples: number;
}

export function Overview({ isWorker }: { readonly isWorker: boolean }) {
  const stats = usePolled<StatsDocument>('/v1/stats', 2_000);
  const history = usePolled<{ readonly points: readonly StatsPoint[] }>(
    isWorker ? undefined : '/v1/stats/history',
    5_000,
  );
  const prober = usePolled<ProberState>(isWorker ? undefined : '/prober', 10_000);
  const { data } = stats;
  const own = useOwnPoints(isWorker ? data : undefined);
  return (
    <>
      <Problem text={stats.problem} />
      {isWorker && (
        <p class="note">
          Figures are those of the isolate that answered, since it began; plots are drawn while this page is open.
        </p>
      )}
      <Figures stats={data} prober={isWorker ? 'none' : prober.data} />
      <Plots points={isWorker ? own : (history.data?.points ?? [])} hasTimes={!isWorker} />
      {data !== undefined && (
        <div class="columns">
          <Tiers stats={data} />
          <Routes stats={data} />
          {data.origins.length > 0 && <Origins stats={data} />}
        </div>
      )}
    </>
  );
}

const MOST_POINTS = 300;

/** What grew between two looks. Another isolate has other counts, so a pair of looks at two of them tells nothing. */
function useOwnPoints(now: StatsDocument | undefined): readonly StatsPoint[] {
  const seen = useRef<{ last?: StatsDocument; readonly points: StatsPoint[] }>({ points: [] }).current;
  if (now === undefined || now === seen.last) return seen.points;
  const { last } = seen;
  seen.last = now;
  if (last?.startedAt === now.startedAt && now.at > last.at) {
    const grown = (read: (figures: StatsDocument['total']) => number) => read(now.total) - read(last.total);
    const [hits, misses] = [grown((one) => one.hits), grown((one) => one.misses)];
    seen.points.push({
      ...{ at: now.at, seconds: (now.at - last.at) / 1_000, requests: grown((one) => one.requests), hits, misses },
      ...{ hitP50: null, hitP99: null, missP50: null, missP99: null, bytes: grown((one) => one.bytes) },
      originRequests: grown((one) => one.originRequests),
      invalidations: grown((one) => one.invalidations.count),
    });
    seen.points.splice(0, seen.points.length - MOST_POINTS);
  }
  return seen.points;
}

function Figures({
  stats,
  prober,
}: {
  readonly stats: StatsDocument | undefined;
  readonly prober: ProberState | 'none' | undefined;
}) {
  const span = stats?.lastMinute ?? stats?.total;
  const { latency } = span ?? {};
  const when = stats?.lastMinute === null ? 'since the start' : 'in the last minute';
  return (
    <div class="figures">
      {prober !== 'none' && <Honesty prober={prober} />}
      <Figure
        name="Hit ratio"
        value={percentText(span?.hitRatio)}
        note={`${percentText(stats?.total.hitRatio)} since the start`}
      />
      <Figure
        name="Requests"
        value={span === undefined ? '–' : rateText(span.requests / Math.max(1, span.seconds))}
        note={when}
      />
      {prober !== 'none' && (
        <>
          <Figure
            name="Hits take"
            value={msText(latency?.hits.p50)}
            note={`p99 ${msText(latency?.hits.p99)}, ${when}`}
          />
          <Figure
            name="Misses take"
            value={msText(latency?.misses.p50)}
            note={`p99 ${msText(latency?.misses.p99)}, ${when}`}
          />
        </>
      )}
      <Figure
        name="Saved at origins"
        value={stats === undefined ? '–' : msText(stats.total.originMsSaved)}
        note={stats === undefined ? undefined : `${countText(stats.total.hits)} answers, since the start`}
      />
    </div>
  );
}

/** How many hits were outdated: the product's word on itself. */
function Honesty({ prober }: { readonly prober: ProberState | undefined }) {
  if (prober === undefined) return <Figure name="Outdated answers" value="–" />;
  const { settings, rate, interval, samples } = prober;
  if (settings.share === 0) {
    return <Figure name="Outdated answers" value="not measured" note="set prober: { share: 0.01 }" />;
  }
  if (rate === undefined) return <Figure name="Outdated answers" value="–" note="no hit was sampled yet" />;
  const note = `${percentText(interval.low, 2)} to ${percentText(interval.high, 2)}, of ${countText(samples)} samples`;
  return <Figure name="Outdated answers" value={percentText(rate, 2)} note={note} tone={rate > 0 ? 'bad' : 'good'} />;
}

function Plots({ points, hasTimes }: { readonly points: readonly StatsPoint[]; readonly hasTimes: boolean }) {
  if (points.length < 2) return <Empty>Plots begin once some seconds are counted.</Empty>;
  const times = points.map(({ at }) => at / 1_000);
  const of = (read: (point: StatsPoint) => number | null) => points.map(read);
  const ratio = of(({ hits, misses }) => (hits + misses === 0 ? null : hits / (hits + misses)));
  return (
    <div class="columns">
      <Card title="Hit ratio">
        <Plot
          label="Hit ratio"
          times={times}
          lines={[{ name: 'hit ratio', colour: '--blue', values: ratio }]}
          text={(part) => percentText(part, 0)}
          most={1}
        />
      </Card>
      <Card title="Requests">
        <Plot
          label="Requests in a second"
          times={times}
          lines={[
            { name: 'all', colour: '--blue', values: of(({ requests, seconds }) => requests / seconds) },
            {
              name: 'origins',
              colour: '--orange',
              values: of(({ originRequests, seconds }) => originRequests / seconds),
            },
          ]}
          text={rateText}
        />
      </Card>
      {hasTimes && (
        <Card title="Latency" note="p99">
          <Plot
            label="Latency"
            times={times}
            lines={[
              { name: 'hits', colour: '--blue', values: of(({ hitP99 }) => hitP99) },
              { name: 'misses', colour: '--orange', values: of(({ missP99 }) => missP99) },
            ]}
            text={msText}
          />
        </Card>
      )}
      <Card title="Invalidations">
        <Plot
          label="Invalidations in a second"
          times={times}
          lines={[
            { name: 'all', colour: '--violet', values: of(({ invalidations, seconds }) => invalidations / seconds) },
          ]}
          text={rateText}
        />
      </Card>
    </div>
  );
}

function Tiers({ stats }: { readonly stats: StatsDocument }) {
  const given = new Map(stats.total.answeredBy.map((one) => [one.tier, one]));
  const rows = stats.tiers.map(({ tier, entries, bytes, maxBytes, evictions, faults }) => [
    tier,
    <Bar key="bar" part={maxBytes === 0 ? 0 : bytes / maxBytes} label={`${tier} filled`} />,
    `${sizeText(bytes)} of ${sizeText(maxBytes)}`,
    countText(entries),
    countText(evictions),
    countText(faults),
    percentText(given.get(tier)?.part ?? null),
  ]);
  const origin = given.get('origin');
  if (origin !== undefined) rows.push(['origin', '', '', '', '', '', percentText(origin.part)]);
  const columns = ['Tier', 'Filled', 'Bytes', 'Entries', 'Evicted', 'Faults', 'Answers'];
  return (
    <Card title="Tiers">
      <Table label="Tiers" columns={columns.map((name, at) => ({ name, isNumber: at > 2 }))} rows={rows} />
    </Card>
  );
}

const MOST_ROUTES = 10;

function Routes({ stats }: { readonly stats: StatsDocument }) {
  const span = stats.lastTenMinutes ?? stats.total;
  const rows = span.routes
    .slice(0, MOST_ROUTES)
    .map(({ route, origin, requests, hitRatio, originRequests, errors }) => [
      route,
      origin,
      countText(requests),
      percentText(hitRatio),
      countText(originRequests),
      countText(errors),
    ]);
  const columns = ['Route', 'Origin', 'Requests', 'Hits', 'To origin', 'Errors'];
  return (
    <Card title="Routes" note={stats.lastTenMinutes === null ? 'since the start' : 'in ten minutes'}>
      {rows.length === 0 ? (
        <Empty>No request came yet.</Empty>
      ) : (
        <Table label="Routes" columns={columns.map((name, at) => ({ name, isNumber: at > 1 }))} rows={rows} />
      )}
    </Card>
  );
}

function Origins({ stats }: { readonly stats: StatsDocument }) {
  const rows = stats.origins.map(({ origin, processes, open, waiting, refused }) => [
    origin,
    open === 0 ? 'in order' : `circuit open in ${open} of ${processes}`,
    countText(waiting),
    countText(refused),
  ]);
  const columns = ['Origin', 'State', 'Waiting', 'Refused'];
  return (
    <Card title="Origins">
      <Table label="Origins" columns={columns.map((name, at) => ({ name, isNumber: at > 1 }))} rows={rows} />
    </Card>
  );
}
