import { useEffect, useMemo, useState } from 'preact/hooks';
import type { EntrySummary, Explanation } from '../../src/engine/contract.ts';
import { call } from '../api.ts';
import type { PanelParts } from '../app.tsx';
import { sizeText, spanText } from '../format.ts';
import { Graph, type Hanging } from '../graph.tsx';
import { useDoing, usePolled } from '../hooks.ts';
import { Card, Empty, Problem, Table, UrlLink } from '../parts.tsx';

interface Page {
  readonly entries: readonly EntrySummary[];
  readonly next?: string;
}

const EACH_MS = 5_000;
const PAGE = 200;

const ORDERS = {
  URL: () => 0,
  Bytes: ({ bodyBytes }: EntrySummary) => bodyBytes,
  Age: ({ ageMs }: EntrySummary) => ageMs,
  'Fresh for': ({ ttlMs }: EntrySummary) => ttlMs,
} as const;

export function Entries({ query, isWorker }: PanelParts) {
  const [search, setSearch] = useState({ by: 'prefix', text: '' });
  const [asked, setAsked] = useState(search);
  const [order, setOrder] = useState<keyof typeof ORDERS>('URL');
  const [url, setUrl] = useState(query.get('url') ?? '');
  useEffect(() => setUrl(query.get('url') ?? ''), [query.get('url')]);
  useEffect(() => {
    const timer = setTimeout(() => setAsked(search), 250);
    return () => clearTimeout(timer);
  }, [search]);
  const parameters = new URLSearchParams({ limit: String(PAGE), ...(asked.text !== '' && { [asked.by]: asked.text }) });
  const { data, problem } = usePolled<Page>(`/entries?${parameters}`, EACH_MS);
  const entries = useMemo(() => {
    const read = ORDERS[order];
    return [...(data?.entries ?? [])].sort((one, other) => read(other) - read(one));
  }, [data, order]);
  return (
    <>
      <search>
        <form class="bar-form" onSubmit={(event) => event.preventDefault()}>
          <label>
            Find by{' '}
            <select value={search.by} onChange={(event) => setSearch({ ...search, by: event.currentTarget.value })}>
              <option value="prefix">beginning of the URL</option>
              <option value="tag">tag</option>
            </select>
          </label>
          <input
            type="search"
            aria-label="What to find"
            placeholder={search.by === 'tag' ? 'user:7' : 'http://example.org/users'}
            value={search.text}
            onInput={(event) => setSearch({ ...search, text: event.currentTarget.value })}
          />
        </form>
      </search>
      <Problem text={problem} />
      {url !== '' && <Explained url={url} canProve={!isWorker} />}
      <Card
        title="Stored"
        note={data === undefined ? '' : `${entries.length}${data.next === undefined ? '' : ' or more'}`}
      >
        {data !== undefined && entries.length === 0 ? (
          <Empty>
            Nothing is stored {asked.text === '' ? 'yet: send a request through the gate.' : `with ${asked.text}.`}
          </Empty>
        ) : (
          <Table
            label="Stored responses"
            columns={[
              ...Object.keys(ORDERS).map((name) => ({
                name,
                isNumber: name !== 'URL',
                order: () => setOrder(name as keyof typeof ORDERS),
                isOrdered: name === order && name !== 'URL',
              })),
              { name: 'Tags' },
            ]}
            rows={entries.map(({ uri, bodyBytes, ageMs, ttlMs, tags, outdated, coding }) => [
              <span key="url">
                <UrlLink url={uri} /> {coding !== undefined && <small>{coding}</small>}
              </span>,
              sizeText(bodyBytes),
              spanText(ageMs),
              outdated ? <span class="outcome error">outdated</span> : spanText(ttlMs),
              <span key="tags" class="tags">
                {tags.slice(0, 6).map((tag) => (
                  <button key={tag} type="button" class="tag" onClick={() => setSearch({ by: 'tag', text: tag })}>
                    {tag}
                  </button>
                ))}
                {tags.length > 6 && `and ${tags.length - 6}`}
              </span>,
            ])}
          />
        )}
      </Card>
    </>
  );
}

interface ExplainedUrl extends Explanation {
  readonly dependencies?: {
    readonly rows: readonly (Hanging & { readonly statement?: string; readonly level: string })[];
  };
}

interface Proof {
  readonly verdict: string;
  readonly reason: string;
}

function Explained({ url, canProve }: { readonly url: string; readonly canProve: boolean }) {
  const path = `/explain?${new URLSearchParams({ url, deps: '1' })}`;
  const { data, problem, again } = usePolled<ExplainedUrl>(path, EACH_MS);
  const [word, setWord] = useState('');
  const doing = useDoing();
  const rows = data?.dependencies?.rows ?? [];
  const act = (what: 'invalidate' | 'purge') =>
    doing.run(async () => {
      const { matched, position } = await call<{ matched: number; position: number }>(`/${what}`, {
        method: 'POST',
        body: { url },
      });
      setWord(`${what === 'purge' ? 'Removed' : 'Outdated'}: ${matched} stored, at position ${position}.`);
      again();
    });
  const prove = () =>
    doing.run(async () => {
      const { verdict, reason } = await call<Proof>(`/prove?${new URLSearchParams({ url })}`, { method: 'POST' });
      setWord(`${verdict}: ${reason}`);
    });
  return (
    <Card title="Why" note={url}>
      <Problem text={problem} />
      {data !== undefined && (
        <dl class="facts">
          <dt>Now</dt>
          <dd>
            <span class={`outcome ${data.verdict === 'serve' ? 'hit' : 'miss'}`}>{data.verdict}</span> {data.reason}{' '}
            <small>{data.section}</small>
          </dd>
          {data.freshness !== undefined && (
            <>
              <dt>Fresh for</dt>
              <dd>
                {spanText(data.freshness.lifetimeMs - data.freshness.ageMs)} of {spanText(data.freshness.lifetimeMs)},
                by {data.freshness.source}
              </dd>
            </>
          )}
          {data.entry !== undefined && (
            <>
              <dt>Tags</dt>
              <dd>{data.entry.tags.join(', ') || 'none'}</dd>
            </>
          )}
          <dt>Position</dt>
          <dd>
            {data.position.applied}; last invalidated at {data.position.lastInvalidation}
          </dd>
        </dl>
      )}
      {rows.length > 0 && <Graph url={url} rows={rows} />}
      <div class="actions">
        <button type="button" disabled={doing.isBusy} onClick={() => act('invalidate')}>
          Invalidate
        </button>
        <button type="button" disabled={doing.isBusy} onClick={() => act('purge')}>
          Purge
        </button>
        {canProve && (
          <button type="button" disabled={doing.isBusy} onClick={prove}>
            Prove
          </button>
        )}
        <a href="#/entries">Close</a>
      </div>
      <p role="status">{word}</p>
      <Problem text={doing.problem} />
    </Card>
  );
}
