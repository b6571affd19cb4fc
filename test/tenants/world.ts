// A gate in this process: the real engine, router, admission and admin API; time and origins are the simulation's.

import { createAdminApi } from '../../src/admin/api.ts';
import type { AdminApi, AdminDeps } from '../../src/admin/contract.ts';
import type { ExchangeReport, Gate } from '../../src/engine/contract.ts';
import { createGate } from '../../src/engine/gate.ts';
import { StatsHistory } from '../../src/engine/statistics/history.ts';
import { trackedSources } from '../../src/engine/tracked-sources.ts';
import { bodyOf, decodeHead } from '../../src/entry/stored-response.ts';
import type { ResolvedConfig } from '../../src/node/config/config.ts';
import { admit, admitOwn } from '../../src/node/front/admission.ts';
import { UNSTATED } from '../../src/node/front/trusted-proxies.ts';
import { otherRules } from '../../src/node/rules.ts';
import { TenantRooms } from '../../src/node/tenants/tenant-rooms.ts';
import type { Answer, Origin } from '../../src/ports.ts';
import type { Fields } from '../../src/semantics/fields.ts';
import { compileSite } from '../../src/site/compile-site.ts';
import type { HostRouter } from '../../src/site/router.ts';
import { createMemoryStore } from '../../src/store/memory.ts';
import { TenantShares } from '../../src/store/tenant-shares.ts';
import { SimulatedTime } from '../kit/simulated-time.ts';

export interface Shown {
  readonly status: number;
  readonly fields: Fields;
  readonly text: string;
}

export interface WorldParts {
  readonly config: ResolvedConfig;
  readonly epoch: string;
  /** The origin of that name in the configuration. */
  readonly originOf: (name: string, time: SimulatedTime) => Origin;
}

export class World {
  readonly time = new SimulatedTime();
  readonly rooms = new TenantRooms(this.time);
  readonly shares = new TenantShares();
  readonly memory;
  readonly gate: Gate;
  readonly deps: AdminDeps;
  readonly operator: AdminApi;
  /** The owner of each exchange, in order: what a log line would name. */
  readonly reported: string[] = [];
  readonly #parts: WorldParts;
  config: ResolvedConfig;
  router: HostRouter;

  constructor(parts: WorldParts) {
    this.#parts = parts;
    this.config = parts.config;
    this.memory = createMemoryStore({ maxBytes: parts.config.memory.maxBytes, shares: this.shares });
    let numbers = 1;
    const random = () => {
      numbers = (numbers * 48_271) % 2_147_483_647;
      return numbers / 2_147_483_647;
    };
    this.gate = createGate({
      ...{ clock: this.time, tasks: this.time, epoch: () => parts.epoch },
      random,
      ...{ stores: [this.memory], memoryStats: () => this.memory.stats() },
      sources: trackedSources({ positionSecret: 'a secret of all worlds, so that cookies agree' }),
      report: (report: ExchangeReport) => {
        this.reported.push(report.request.route.owner ?? '');
        if (report.request.route.owner !== undefined) this.rooms.report(report);
      },
    });
    this.router = this.#compile(parts.config);
    this.deps = this.#deps();
    this.operator = createAdminApi(this.deps);
  }

  #compile(config: ResolvedConfig): HostRouter {
    const { boundsOf } = this.rooms.update(config, { memory: this.shares, disk: undefined });
    const origins = new Map(Object.keys(config.origins).map((name) => [name, this.#parts.originOf(name, this.time)]));
    return this.rooms.routed(compileSite(config, origins, { boundsOf }));
  }

  /** As a running gate does it. */
  async reload(config: ResolvedConfig): Promise<void> {
    const router = this.#compile(config);
    this.router.retire(router, otherRules(this.config, config));
    this.config = config;
    this.router = router;
  }

  #deps(): AdminDeps {
    const refuse = () => {
      throw new Error('expected no such call in the simulation');
    };
    return {
      gate: this.gate,
      sources: this.gate,
      isReady: () => ({ ready: true }),
      explainRequest: (request) => admitOwn(request, this.router, this.config),
      originNames: () => Object.keys(this.config.origins),
      metricsText: async () => JSON.stringify(this.rooms.figures()),
      populate: {
        begin: refuse,
        give: refuse,
        state: refuse,
        progress: refuse,
        follow: refuse,
        cancel: refuse,
        hooks: () => ({}),
      },
      tiers: { holdings: refuse, check: refuse, clear: refuse },
      ...{ tail: { listen: refuse }, recent: { list: refuse } },
      prober: { settings: { share: 0, ratePerSecond: 1, onOutdated: 'report' }, examples: refuse, prove: refuse },
      topUrls: () => ({ sinceMs: 0, urls: [] }),
      origins: refuse,
      history: new StatsHistory({ clock: this.time, tasks: this.time, counts: refuse, fault: refuse }),
    };
  }

  /** A client asks; the answer comes as time goes on. */
  ask(host: string, method: string, target: string): Promise<Shown> {
    const raw = { method, target, httpVersion: '1.1', rawHeaders: ['host', host] };
    const peer = { address: '192.0.2.1', scheme: 'http', localAuthority: () => host } as const;
    const { limits, cacheName } = this.config;
    const admission = admit(raw, peer, { site: () => this, limits, trust: () => UNSTATED, cacheName });
    if (admission.kind !== 'admitted') {
      const reason = admission.kind === 'refused' ? admission.reason : admission.kind;
      return Promise.resolve({ status: 0, fields: [], text: reason });
    }
    return new Promise((resolve) => {
      this.gate.handle(admission.request, {
        interim: () => {},
        respond: (answer) => take(answer, method, resolve),
      });
    });
  }
}

function take(answer: Answer, method: string, resolve: (shown: Shown) => void): void {
  if (answer.kind === 'stored') {
    const { entry } = answer;
    const text = method === 'HEAD' ? '' : Buffer.from(bodyOf(entry)).toString();
    return resolve({
      status: entry.status,
      fields: [...decodeHead(entry.bytes, entry.headBytes), ...answer.added],
      text,
    });
  }
  const { status, fields } = answer.head;
  if (answer.kind === 'whole') {
    const text = method === 'HEAD' || answer.body === undefined ? '' : Buffer.from(answer.body).toString();
    return resolve({ status, fields, text });
  }
  const chunks: Uint8Array[] = [];
  const source = answer.body;
  source.takenBy?.({ pace: undefined, cut: () => {} });
  const pump = () => {
    for (;;) {
      const chunk = source.read();
      if (chunk === 'pending') return source.whenReadable(pump);
      if (chunk === 'end' || chunk === 'failed') {
        source.cancel();
        return resolve({ status, fields, text: `${Buffer.concat(chunks)}${chunk === 'failed' ? ' (failed)' : ''}` });
      }
      chunks.push(chunk);
    }
  };
  pump();
}
