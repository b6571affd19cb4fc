// A gate with its tenants: begun with them, reloaded with them, and its admin API with theirs.

import type { Logger } from 'pino';
import { createAdminApi } from '../../admin/api.ts';
import type { AdminApi, AdminDeps } from '../../admin/contract.ts';
import { tenantsApi } from '../../admin/tenants-api.ts';
import type { TenantFigures } from '../../admin/tenants-contract.ts';
import type { Gate } from '../../engine/contract.ts';
import type { ResolvedConfig } from '../config/config.ts';
import type { RunningGate } from '../running-gate.ts';
import type { NodeTiers } from '../tiers.ts';
import type { TenantRooms } from './tenant-rooms.ts';
import { Tenants, type TenantsGate } from './tenants.ts';

/** A gate that runs, as far as tenants need it. */
interface Running<Close> {
  readonly url: string;
  readonly adminUrl: string;
  readonly gate: Gate;
  readonly publish: RunningGate['publish'];
  readonly close: (options?: Close) => Promise<void>;
  readonly reload: TenantsGate['reload'];
  /** Of all processes. Default: this one is alone. */
  readonly allFigures?: TenantsGate['figures'];
  readonly exchanges: { readonly tenants: Pick<TenantRooms, 'ownerOf' | 'figures'> };
}

/** `start` begins the gate on the whole configuration; where it fails, it has closed the tiers. */
export async function withTenants<Close>(
  config: ResolvedConfig,
  { log, tiers }: { readonly log: Logger; readonly tiers: Pick<NodeTiers, 'close'> },
  start: (whole: ResolvedConfig, tenants: Tenants) => Promise<Running<Close>>,
) {
  const tenants = await opened(config, log, tiers);
  try {
    const running = await start(tenants.config, tenants);
    const rooms = running.exchanges.tenants;
    tenants.attach({
      gate: running.gate,
      reload: (whole) => running.reload(whole),
      hostOwner: rooms.ownerOf,
      figures: () => running.allFigures?.() ?? rooms.figures(),
    });
    const close = async (options?: Close) => {
      await running.close(options);
      tenants.close();
    };
    const { url, adminUrl, gate } = running;
    const publish: RunningGate['publish'] = (what) => running.publish(what);
    return { url, adminUrl, gate, publish, close, reload: (file: ResolvedConfig) => tenants.reloaded(file) };
  } catch (error) {
    tenants.close();
    throw error;
  }
}

async function opened(config: ResolvedConfig, log: Logger, tiers: Pick<NodeTiers, 'close'>): Promise<Tenants> {
  try {
    return new Tenants(config, log);
  } catch (error) {
    await tiers.close();
    throw error;
  }
}

/** The API of the whole gate, and that of each tenant. */
export function adminApi(deps: AdminDeps, tenants: Tenants | undefined): AdminApi {
  const api = createAdminApi(deps);
  return tenants === undefined ? api : tenantsApi(api, deps, tenants);
}

/** The figures of several processes, added up. */
export function summedFigures(all: readonly Readonly<Record<string, TenantFigures>>[]): Record<string, TenantFigures> {
  const sums: Record<string, TenantFigures> = {};
  for (const figures of all) {
    for (const [name, one] of Object.entries(figures)) sums[name] = sum(sums[name], one);
  }
  return sums;
}

function sum(before: TenantFigures | undefined, one: TenantFigures): TenantFigures {
  if (before === undefined) return one;
  const outcomes = new Set([...Object.keys(before.requests), ...Object.keys(one.requests)]) as Set<
    keyof typeof one.requests
  >;
  const requests = [...outcomes].map((how) => [how, (before.requests[how] ?? 0) + (one.requests[how] ?? 0)]);
  return {
    requests: Object.fromEntries(requests),
    forwards: before.forwards + one.forwards,
    clientBytes: before.clientBytes + one.clientBytes,
    limited: before.limited + one.limited,
    memoryBytes: before.memoryBytes + one.memoryBytes,
  };
}
