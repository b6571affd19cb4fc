import type { SourceState } from '../../src/engine/source-leases.ts';
import { countText, msText } from '../format.ts';
import { usePolled } from '../hooks.ts';
import { Card, Empty, Problem, Table } from '../parts.tsx';

const EACH_MS = 1_000;

export function Feeds() {
  const { data, problem } = usePolled<{ readonly sources: readonly SourceState[] }>('/sources', EACH_MS);
  const sources = data?.sources ?? [];
  return (
    <Card title="Sources" note="databases whose changes are told">
      <Problem text={problem} />
      {data !== undefined && sources.length === 0 ? (
        <Empty>
          No tracker reports to this gate. <code>npx tidegate feed</code> follows a database, and an application with a
          tracker reports by itself.
        </Empty>
      ) : (
        <Table
          label="Sources"
          columns={[
            { name: 'Source' },
            { name: 'State' },
            ...['Lag', 'Lease', 'Reports', 'Gaps', 'Lapses'].map((name) => ({ name, isNumber: true })),
          ]}
          rows={sources.map(({ source, live, lagMs, heardMs, leftMs, reports, gaps, expirations }) => [
            source.replace('\n', ' of '),
            <span key="state" class={`outcome ${live ? 'hit' : 'error'}`}>
              {live ? 'heard' : 'silent: nothing of it is served'}
            </span>,
            msText(lagMs === undefined || heardMs === undefined ? undefined : lagMs + heardMs),
            msText(leftMs),
            countText(reports),
            countText(gaps),
            countText(expirations),
          ])}
        />
      )}
    </Card>
  );
}
