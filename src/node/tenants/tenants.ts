// The tenants of one gate: kept on its disk, in force by the same path as a reloaded configuration file.
//
// Changes and reloads come one after the other, each on what the one before has left. A change is on the disk before it is in
// force: a gate that ends between the two begins with it. One that cannot be put in force is taken back.

import type { Logger } from 'pino';
import type { TenantFigures, TenantScope, TenantsApi, TenantView } from '../../admin/tenants-contract.ts';
import { platformClock } from '../../cache/platform.ts';
import type { Gate } from '../../engine/contract.ts';
import { expected, TidegateError } from '../../errors.ts';
import { isRecord, type UnknownRecord } from '../../options/kit.ts';
import type { Eventually } from '../../ports.ts';
import type { ResolvedConfig } from '../config/config.ts';
import { type TenantRecord, TenantRecords } from './tenant-records.ts';
import { checkTenantName, originOfTenant, plainOrigin, withTenants } from './tenant-spec.ts';
import { TenantTokens } from './tenant-tokens.ts';

/** The gate whose tenants they are, once it runs. */
export interface TenantsGate {
  readonly gate: Pick<Gate, 'purge'>;
  /** Serves under the configuration from now on, in all processes. */
  reload(config: ResolvedConfig): Promise<void>;
  hostOwner(host: string): string | undefined;
  figures(): Eventually<Readonly<Record<string, TenantFigures>>>;
}

/** Each costs a bucket of routes, a pool for each origin, and a series of each metric. */
const MAX_TENANTS = 1_000;
const NO_FIGURES: TenantFigures = { requests: {}, forwards: 0, clientBytes: 0, limited: 0, memoryBytes: 0 };

export class Tenants implements TenantsApi {
  readonly tokens: TenantTokens;
  readonly audit: TenantsApi['audit'];
  readonly #records: TenantRecords | undefined;
  readonly #tenants: Map<string, TenantRecord>;
  readonly #log: Logger;
  #file: ResolvedConfig;
  /** With all tenants in it. */
  config: ResolvedConfig;
  #running: TenantsGate | undefined;
  #changes: Promise<unknown> = Promise.resolve();

  /** Throws E_DISK, and E_CONFIG where the file and the tenants cannot stand together. */
  constructor(file: ResolvedConfig, log: Logger) {
    this.#file = file;
    this.#log = log;
    const records = file.disk && new TenantRecords(file.disk.path);
    this.#records = records;
    this.#tenants = new Map(records?.tenants().map((one) => [one.name, one] as const));
    this.tokens = new TenantTokens(records);
    this.audit = {
      of: (name, limit) => records?.audit(name, limit) ?? [],
      note: (name, entry) => {
        if (this.#tenants.has(name)) records?.note(name, { ...entry, atMs: platformClock.now() });
      },
    };
    this.config = withTenants(file, this.#all());
  }

  /** Before that, nothing can be changed. */
  attach(running: TenantsGate): void {
    this.#running = running;
  }

  /** The configuration file has changed. Rejects with E_CONFIG, and then it stays as it was. */
  reloaded(file: ResolvedConfig): Promise<void> {
    return this.#inTurn(async () => {
      const config = withTenants(file, this.#all());
      await attached(this.#running).reload(config);
      this.#file = file;
      this.config = config;
    });
  }

  list(): TenantView[] {
    return this.#all().map((one) => viewOf(one, this.tokens));
  }

  show(name: string): TenantView | undefined {
    const record = this.#tenants.get(name);
    return record && viewOf(record, this.tokens);
  }

  create(given: unknown, spec: UnknownRecord): Promise<TenantView> {
    return this.#inTurn(async () => {
      kept(this.#records);
      const name = checkTenantName(given);
      if (this.#tenants.has(name)) return expected('E_CONFIG', 'the name of a new tenant', name);
      if (this.#tenants.size >= MAX_TENANTS) return expected('E_CONFIG', `at most ${MAX_TENANTS} tenants`, 'one more');
      const now = platformClock.now();
      const record = { name, spec, suspended: false, createdMs: now, updatedMs: now };
      await this.#change(record);
      return viewOf(record, this.tokens);
    });
  }

  update(name: string, members: UnknownRecord): Promise<TenantView> {
    return this.#inTurn(async () => {
      const before = this.#known(name);
      const given = Object.entries({ ...before.spec, ...members }).filter(([, value]) => value !== null);
      const record = { ...before, spec: Object.fromEntries(given), updatedMs: platformClock.now() };
      await this.#change(record);
      return viewOf(record, this.tokens);
    });
  }

  setStatus(name: string, status: TenantView['status']): Promise<TenantView> {
    return this.#inTurn(async () => {
      const record = { ...this.#known(name), suspended: status === 'suspended', updatedMs: platformClock.now() };
      await this.#change(record);
      if (record.suspended) await purgeOrigins(attached(this.#running), record);
      return viewOf(record, this.tokens);
    });
  }

  remove(name: string): Promise<void> {
    return this.#inTurn(async () => {
      const record = this.#known(name);
      const left = this.#all().filter((one) => one !== record);
      const config = withTenants(this.#file, left);
      // First out of force: a gate that ends in between begins with the tenant once more.
      await attached(this.#running).reload(config);
      this.config = config;
      await purgeOrigins(attached(this.#running), record);
      kept(this.#records).remove(name);
      this.#tenants.delete(name);
      this.tokens.forget(name);
      this.#log.info({ tenant: name }, 'a tenant was deleted');
    });
  }

  scope(name: string): TenantScope {
    return {
      name,
      originNames: () => Object.keys((this.#tenants.get(name)?.spec.origins ?? {}) as UnknownRecord),
      originOf: (origin) => originOfTenant(name, origin),
      plainOrigin,
      ownsHost: (host) => attached(this.#running).hostOwner(host) === name,
      figures: async () => (await attached(this.#running).figures())[name] ?? NO_FIGURES,
    };
  }

  close(): void {
    this.#records?.close();
  }

  #all(): TenantRecord[] {
    return [...this.#tenants.values()];
  }

  #known(name: string): TenantRecord {
    return this.#tenants.get(name) ?? expected('E_CONFIG', 'the name of a tenant', name);
  }

  async #change(record: TenantRecord): Promise<void> {
    const before = this.#tenants.get(record.name);
    const next = new Map(this.#tenants).set(record.name, record);
    const config = withTenants(this.#file, [...next.values()]);
    const records = kept(this.#records);
    const running = attached(this.#running);
    records.save(record);
    try {
      await running.reload(config);
      // What others have stored of its hosts before is no answer of this tenant's.
      await purgeHosts(running, news(before?.spec, record.spec));
    } catch (error) {
      if (before === undefined) records.remove(record.name);
      else records.save(before);
      await running.reload(this.config);
      throw error;
    }
    this.#tenants.set(record.name, record);
    this.config = config;
  }

  #inTurn<Result>(work: () => Promise<Result>): Promise<Result> {
    const done = this.#changes.then(work);
    this.#changes = done.catch(() => undefined);
    return done;
  }
}

function attached(running: TenantsGate | undefined): TenantsGate {
  return running ?? expected('E_ADMIN', 'a gate that serves', 'one that begins');
}

function kept(records: TenantRecords | undefined): TenantRecords {
  if (records !== undefined) return records;
  const what = 'a disk tier, where tenants are kept: set disk.path in the configuration and start anew';
  throw new TidegateError('E_CONFIG', `expected ${what}, got none`);
}

function viewOf({ name, spec, suspended, createdMs, updatedMs }: TenantRecord, tokens: TenantTokens): TenantView {
  const status = suspended ? 'suspended' : 'active';
  return { name, status, ...withoutValues(spec), createdMs, updatedMs, tokens: tokens.of(name) };
}

/** Fields that a route sets on requests may be credentials of the origin: their names alone are shown. */
function withoutValues(spec: UnknownRecord): UnknownRecord {
  const routes: readonly unknown[] = Array.isArray(spec.routes) ? spec.routes : [];
  const shown = routes.map((route) => {
    const { request } = route as { readonly request?: { readonly set?: object } };
    if (!isRecord(request?.set)) return route;
    const set = Object.fromEntries(Object.keys(request.set).map((name) => [name, '(not shown)']));
    return { ...(route as object), request: { ...request, set } };
  });
  return routes.length === 0 ? spec : { ...spec, routes: shown };
}

async function purgeOrigins({ gate }: TenantsGate, { name, spec }: TenantRecord): Promise<void> {
  for (const origin of Object.keys(spec.origins as UnknownRecord))
    await gate.purge({ kind: 'origin', origin: originOfTenant(name, origin) });
}

/** The hosts that are new, in lower case and without a default port. */
function news(before: UnknownRecord | undefined, after: UnknownRecord): string[] {
  const hosts = ({ hosts }: UnknownRecord) => [hosts].flat().map((host) => String(host).toLowerCase());
  const had = before === undefined ? [] : hosts(before);
  return hosts(after).flatMap((host) => (had.includes(host) ? [] : host.replace(/:(?:80|443)$/, '')));
}

async function purgeHosts({ gate }: TenantsGate, hosts: readonly string[]): Promise<void> {
  for (const start of hosts.flatMap((host) => [`http://${host}`, `https://${host}`])) {
    if (start.includes('*')) await gate.purge({ kind: 'pattern', pattern: `${start}*` });
    else for (const end of ['/', ':']) await gate.purge({ kind: 'prefix', prefix: start + end });
  }
}
