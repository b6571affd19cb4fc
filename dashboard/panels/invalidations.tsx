import { useEffect, useState } from 'preact/hooks';
import type { RecentInvalidation } from '../../src/admin/contract.ts';
import type { Preview } from '../../src/admin/preview-api.ts';
import { call } from '../api.ts';
import { countText, timeText } from '../format.ts';
import { useDoing, usePolled } from '../hooks.ts';
import { Card, Empty, Problem, Table, UrlLink } from '../parts.tsx';

const KINDS = ['url', 'tag', 'prefix', 'pattern', 'origin', 'all'] as const;
const EXAMPLES: Readonly<Record<string, string>> = {
  url: 'http://example.org/users/7',
  tag: 'user:7',
  prefix: 'http://example.org/users',
  pattern: '*/users/*',
  origin: 'api',
};
const EACH_MS = 1_000;

export function Invalidations({ isWorker }: { readonly isWorker: boolean }) {
  const { data, problem, again } = usePolled<{ readonly invalidations: readonly RecentInvalidation[] }>(
    isWorker ? undefined : '/invalidations',
    EACH_MS,
  );
  if (isWorker) return <ByHand done={again} />;
  const recent = data?.invalidations ?? [];
  return (
    <>
      <div class="columns">
        <ByHand done={again} />
        <ByHook />
      </div>
      <Card title="Log" note="the newest first, as they come into force">
        <Problem text={problem} />
        {data !== undefined && recent.length === 0 ? (
          <Empty>Nothing was invalidated since the gate began.</Empty>
        ) : (
          <Table
            label="Invalidations"
            columns={[{ name: 'Position' }, { name: 'Time' }, { name: 'By' }, { name: 'What' }]}
            rows={recent
              .slice(0, 200)
              .map(({ position, at, kind, what }) => [
                String(position),
                timeText(at),
                kind,
                kind === 'url' ? <UrlLink key="url" url={what} /> : what,
              ])}
          />
        )}
      </Card>
    </>
  );
}

function ByHand({ done }: { readonly done: () => void }) {
  const [kind, setKind] = useState<(typeof KINDS)[number]>('tag');
  const [text, setText] = useState('');
  const [shown, setShown] = useState<Preview>();
  const [word, setWord] = useState('');
  const doing = useDoing();
  const selector = kind === 'all' ? { all: true } : { [kind]: text.trim() };
  useEffect(() => {
    setShown(undefined);
    setWord('');
  }, [kind, text]);
  const preview = () =>
    doing.run(async () => setShown(await call<Preview>('/preview', { method: 'POST', body: selector })));
  const act = (what: 'invalidate' | 'purge') =>
    doing.run(async () => {
      const { matched, position } = await call<{ matched: number; position: number }>(`/${what}`, {
        method: 'POST',
        body: selector,
      });
      setShown(undefined);
      setWord(
        `${what === 'purge' ? 'Removed' : 'Outdated'}: ${countText(matched)} stored, in force at position ${position}.`,
      );
      done();
    });
  return (
    <Card title="Invalidate">
      <form
        class="bar-form"
        onSubmit={(event) => {
          event.preventDefault();
          preview();
        }}
      >
        <label>
          By{' '}
          <select value={kind} onChange={(event) => setKind(event.currentTarget.value as typeof kind)}>
            {KINDS.map((one) => (
              <option key={one}>{one}</option>
            ))}
          </select>
        </label>
        {kind !== 'all' && (
          <input
            aria-label={`The ${kind}`}
            required
            placeholder={EXAMPLES[kind]}
            value={text}
            onInput={(event) => setText(event.currentTarget.value)}
          />
        )}
        <button type="submit" disabled={doing.isBusy}>
          Preview
        </button>
      </form>
      <Problem text={doing.problem} />
      {shown !== undefined && (
        <>
          <Previewed shown={shown} />
          <div class="actions">
            <button type="button" class="strong" disabled={doing.isBusy} onClick={() => act('invalidate')}>
              Invalidate
            </button>
            <button type="button" disabled={doing.isBusy} onClick={() => act('purge')}>
              Purge
            </button>
          </div>
          <p class="note">Invalidated entries are validated or filled again; purged ones are removed.</p>
        </>
      )}
      <p role="status">{word}</p>
    </Card>
  );
}

function Previewed({ shown: { matched, more, entries, urls = [], tags = [] } }: { readonly shown: Preview }) {
  return (
    <div class="preview">
      {urls.length + tags.length > 0 && <p>It names {[...urls, ...tags].join(', ')}.</p>}
      <p>
        <strong>
          {countText(matched)}
          {more ? ' or more' : ''}
        </strong>{' '}
        stored {matched === 1 ? 'response is' : 'responses are'} named
        {matched > entries.length ? `, among them` : ''}
      </p>
      <ul>
        {entries.map(({ key, uri }) => (
          <li key={key}>
            <UrlLink url={uri} />
          </li>
        ))}
      </ul>
    </div>
  );
}

function ByHook() {
  const [name, setName] = useState('');
  const [text, setText] = useState('{"entry": {"id": 7, "slug": "hello"}}');
  const [shown, setShown] = useState<Preview>();
  const doing = useDoing();
  const preview = (event: Event) => {
    event.preventDefault();
    doing.run(async () => {
      setShown(undefined);
      const content: unknown = JSON.parse(text);
      setShown(await call<Preview>('/preview', { method: 'POST', body: { publish: name.trim(), content } }));
    });
  };
  return (
    <Card title="What would this publish purge?">
      <form class="stacked" onSubmit={preview}>
        <label>
          Webhook, as in <code>populate.publish</code>
          <input required value={name} placeholder="cms" onInput={(event) => setName(event.currentTarget.value)} />
        </label>
        <label>
          Its content, as JSON
          <textarea rows={4} value={text} onInput={(event) => setText(event.currentTarget.value)} />
        </label>
        <button type="submit" disabled={doing.isBusy}>
          Preview
        </button>
      </form>
      <Problem text={doing.problem} />
      {shown !== undefined && <Previewed shown={shown} />}
    </Card>
  );
}
