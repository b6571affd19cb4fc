import { useState } from 'preact/hooks';
import type { TenantFigures, TenantView } from '../../src/admin/tenants-contract.ts';
import { call } from '../api.ts';
import { countText, percentText, sizeText } from '../format.ts';
import { useDoing, usePolled } from '../hooks.ts';
import { Card, Empty, Figure, Problem, Table } from '../parts.tsx';

const EACH_MS = 3_000;

export function Tenants() {
  const { data, problem, again } = usePolled<{ readonly tenants: readonly TenantView[] }>('/tenants', EACH_MS);
  const [name, setName] = useState<string>();
  const tenants = data?.tenants ?? [];
  return (
    <>
      <Problem text={problem} />
      <Card title="Tenants">
        {data !== undefined && tenants.length === 0 ? (
          <Empty>
            There are none.{' '}
            <code>npx tidegate tenant create acme --host acme.example.com --origin https://api.acme.example</code>
          </Empty>
        ) : (
          <Table
            label="Tenants"
            columns={[
              { name: 'Name' },
              { name: 'State' },
              { name: 'Hosts' },
              { name: 'Tokens', isNumber: true },
              { name: 'Show' },
            ]}
            rows={tenants.map((tenant) => [
              tenant.name,
              <span key="state" class={`outcome ${tenant.status === 'active' ? 'hit' : 'error'}`}>
                {tenant.status}
              </span>,
              [(tenant as TenantView & { readonly hosts?: string | readonly string[] }).hosts].flat().join(', '),
              countText(tenant.tokens.length),
              <button key="show" type="button" aria-label={`Show ${tenant.name}`} onClick={() => setName(tenant.name)}>
                Show
              </button>,
            ])}
          />
        )}
      </Card>
      {name !== undefined && <Tenant key={name} name={name} changed={again} />}
    </>
  );
}

function Tenant({ name, changed }: { readonly name: string; readonly changed: () => void }) {
  const { data, problem, again } = usePolled<TenantView & { readonly figures: TenantFigures }>(
    `/tenants/${encodeURIComponent(name)}`,
    EACH_MS,
  );
  const doing = useDoing();
  if (data === undefined) return <Problem text={problem} />;
  const { status, tokens, figures } = data;
  const { hit = 0, stale = 0, miss = 0, validated = 0, collapsed = 0 } = figures.requests;
  const asked = hit + stale + miss + validated + collapsed;
  const turn = (what: 'suspend' | 'resume') =>
    doing.run(async () => {
      await call(`/tenants/${encodeURIComponent(name)}/${what}`, { method: 'POST' });
      again();
      changed();
    });
  return (
    <Card title={name} note={status}>
      <Problem text={problem ?? doing.problem} />
      <div class="figures">
        <Figure name="Hit ratio" value={percentText(asked === 0 ? null : (hit + stale) / asked)} />
        <Figure
          name="Exchanges"
          value={countText(Object.values(figures.requests).reduce((sum, one) => sum + (one ?? 0), 0))}
        />
        <Figure name="To origins" value={countText(figures.forwards)} />
        <Figure name="Refused by its bound" value={countText(figures.limited)} />
        <Figure name="In memory" value={sizeText(figures.memoryBytes)} />
      </div>
      <Table
        label="Tokens"
        columns={[{ name: 'Token' }, { name: 'Scopes' }, { name: 'Ends' }]}
        rows={tokens.map(({ id, scopes, expiresMs }) => [
          id,
          scopes.join(', '),
          new Date(expiresMs).toLocaleDateString('en-GB'),
        ])}
      />
      <div class="actions">
        <button type="button" disabled={doing.isBusy} onClick={() => turn(status === 'active' ? 'suspend' : 'resume')}>
          {status === 'active' ? 'Suspend' : 'Resume'}
        </button>
      </div>
      {status === 'active' && <p class="note">Suspended, all its requests get 503 and its entries are removed.</p>}
    </Card>
  );
}
