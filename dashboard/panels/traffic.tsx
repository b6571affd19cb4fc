import { useEffect, useMemo, useRef, useState } from 'preact/hooks';
import type { StatsDocument, UrlFigures } from '../../src/admin/stats-contract.ts';
import { follow, told } from '../api.ts';
import { countText, msText, percentText, spanText, timeText } from '../format.ts';
import { usePolled } from '../hooks.ts';
import { Card, Empty, Problem, Table, UrlLink } from '../parts.tsx';

interface Exchange {
  readonly time: string;
  readonly method: string;
  readonly host: string;
  readonly path: string;
  readonly status: number;
  readonly outcome: string;
  readonly durationMs?: number;
}

type Heard = Exchange | { readonly lost: number };

const MOST_LINES = 100;
const SHOWN_URLS = 25;
const DRAW_MS = 1_000;

/** What this page has heard of exchanges. */
class Listening {
  lines: Exchange[] = [];
  lost = 0;
  all = 0;

  take(heard: readonly Heard[]): void {
    const lines = heard.flatMap((one) => ('lost' in one ? [] : [one]));
    for (const one of heard) if ('lost' in one) this.lost += one.lost;
    this.all += lines.length;
    this.lines = [...lines.reverse(), ...this.lines].slice(0, MOST_LINES);
  }
}

const ORDERS = {
  hits: ({ hits }: UrlFigures) => hits,
  misses: ({ misses }: UrlFigures) => misses,
  passes: ({ passes }: UrlFigures) => passes,
  cost: ({ waitedMs }: UrlFigures) => waitedMs,
} as const;

export function Traffic() {
  const heard = useRef(new Listening());
  const [, setDrawn] = useState(0);
  const { data } = usePolled<StatsDocument>('/v1/stats', 2_000);
  const [problem, setProblem] = useState<string>();
  const [order, setOrder] = useState<keyof typeof ORDERS>('hits');
  const [outcome, setOutcome] = useState('');
  useEffect(() => {
    const ending = new AbortController();
    const path = outcome === '' ? '/tail' : `/tail?outcome=${outcome}`;
    heard.current = new Listening();
    follow<Heard>(path, ending.signal, (lines) => heard.current.take(lines)).catch((error: unknown) => {
      if (!ending.signal.aborted) setProblem(told(error));
    });
    const timer = setInterval(() => !document.hidden && setDrawn((before) => before + 1), DRAW_MS);
    return () => {
      clearInterval(timer);
      ending.abort();
    };
  }, [outcome]);
  const { lines, lost, all } = heard.current;
  const { urls = [], sinceMs = 0 } = data?.urls ?? {};
  const top = useMemo(() => {
    const read = ORDERS[order];
    return [...urls].sort((one, other) => read(other) - read(one)).slice(0, SHOWN_URLS);
  }, [urls, order]);
  return (
    <>
      <Problem text={problem} />
      <p class="note" aria-live="off">
        {countText(all)} exchanges since this page began to listen
        {lost > 0 && `, and ${countText(lost)} that came too fast`}.{' '}
        <label>
          Outcome{' '}
          <select value={outcome} onChange={(event) => setOutcome(event.currentTarget.value)}>
            {['', 'hit', 'stale', 'validated', 'collapsed', 'miss', 'bypass', 'error'].map((one) => (
              <option key={one} value={one}>
                {one === '' ? 'any' : one}
              </option>
            ))}
          </select>
        </label>
      </p>
      <Card title="Top URLs" note={`of the last ${spanText(sinceMs)}, in all processes`}>
        {top.length === 0 ? (
          <Empty>No exchange yet.</Empty>
        ) : (
          <Table
            label="Top URLs"
            columns={[
              { name: 'URL' },
              { name: 'Hits', isNumber: true, order: () => setOrder('hits'), isOrdered: order === 'hits' },
              { name: 'Misses', isNumber: true, order: () => setOrder('misses'), isOrdered: order === 'misses' },
              { name: 'Passes', isNumber: true, order: () => setOrder('passes'), isOrdered: order === 'passes' },
              { name: 'Waited', isNumber: true, order: () => setOrder('cost'), isOrdered: order === 'cost' },
              { name: 'Hit ratio', isNumber: true },
            ]}
            rows={top.map(({ url, hits, misses, passes, waitedMs }) => [
              url,
              countText(hits),
              countText(misses),
              countText(passes),
              msText(waitedMs),
              percentText(hits + misses === 0 ? null : hits / (hits + misses), 0),
            ])}
          />
        )}
      </Card>
      <Card title="As they end" note="the newest first">
        {lines.length === 0 ? (
          <Empty>No exchange yet.</Empty>
        ) : (
          <Table
            label="Exchanges"
            columns={[
              { name: 'Time' },
              { name: 'Request' },
              { name: 'Status', isNumber: true },
              { name: 'Outcome' },
              { name: 'Took', isNumber: true },
            ]}
            rows={lines.map(({ time, method, host, path, status, outcome: how, durationMs }) => [
              timeText(Date.parse(time)),
              <span key="url">
                {method} {method === 'GET' ? <UrlLink url={`http://${host}${path}`} /> : `${host}${path}`}
              </span>,
              String(status),
              <span key="how" class={`outcome ${how}`}>
                {how}
              </span>,
              msText(durationMs),
            ])}
          />
        )}
      </Card>
    </>
  );
}
