// The metrics of provisioned tenants: a label with the tenant's name, of which there are at most 1,000.

import type { TenantFigures } from '../../admin/tenants-contract.ts';
import { type Copy, counter, gauge } from './metric-copies.ts';

type Figures = Readonly<Record<string, TenantFigures>>;

function byTenant(figures: Figures, read: (one: TenantFigures) => number) {
  return Object.fromEntries(Object.entries(figures).map(([name, one]) => [name, read(one)]));
}

const sumOf = (counts: TenantFigures['requests']) => Object.values(counts).reduce((sum, count) => sum + count, 0);

export const OF_TENANTS: readonly Copy<Figures>[] = [
  counter('tenant_requests{tenant}', 'Exchanges of a tenant.', (all: Figures) =>
    byTenant(all, ({ requests }) => sumOf(requests)),
  ),
  counter('tenant_hits{tenant}', 'Exchanges of a tenant answered from the cache.', (all: Figures) =>
    byTenant(all, ({ requests: { hit = 0, stale = 0, collapsed = 0 } }) => hit + stale + collapsed),
  ),
  counter('tenant_forwards{tenant}', 'Exchanges of a tenant that asked an origin.', (all: Figures) =>
    byTenant(all, ({ forwards }) => forwards),
  ),
  counter('tenant_client_bytes{tenant}', 'Bytes of content sent to the clients of a tenant.', (all: Figures) =>
    byTenant(all, ({ clientBytes }) => clientBytes),
  ),
  counter('tenant_limited{tenant}', 'Requests answered 429 by the bound of their tenant.', (all: Figures) =>
    byTenant(all, ({ limited }) => limited),
  ),
  gauge('tenant_memory_bytes{tenant}', 'Bytes of the entries of a tenant in memory.', (all: Figures) =>
    byTenant(all, ({ memoryBytes }) => memoryBytes),
  ),
];
