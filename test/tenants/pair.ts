// One gate with several tenants beside gates that have one each: what a tenant does to either, both must answer alike.

import type { AdminResponse } from '../../src/admin/contract.ts';
import { tenantsApi } from '../../src/admin/tenants-api.ts';
import { ownedName } from '../../src/entry/key.ts';
import { type ResolvedConfig, resolveConfig } from '../../src/node/config/config.ts';
import { originOfTenant } from '../../src/node/tenants/tenant-spec.ts';
import type { Tenants } from '../../src/node/tenants/tenants.ts';
import { Content, originOf } from './content.ts';
import { type Shown, World } from './world.ts';

export const NAMES = ['acme', 'blue', 'coop'] as const;
/** The configuration file's own routes are one more. */
export const FILE = 'file';
export const EVERYONE = [...NAMES, FILE] as const;
export type Name = (typeof EVERYONE)[number];

const ORIGINS = { api: { url: 'http://127.0.0.1:1' }, img: { url: 'http://127.0.0.1:2' } };
const ROUTES = [
  { match: { path: '/img/*' }, origin: 'img' },
  { origin: 'api', staleIfError: '5s' },
];

export function hostOf(name: Name): string {
  return `${name}.example`;
}

export function specOf(name: Name): Record<string, unknown> {
  return { hosts: [hostOf(name)], origins: ORIGINS, routes: ROUTES };
}

export function fileConfig(more: object = {}): ResolvedConfig {
  return resolveConfig({ origins: ORIGINS, routes: ROUTES, ...more }, { env: {} });
}

/** Ways in which one tenant could reach another: put in on purpose, to see that the comparison finds them. */
export type Leak = 'tag' | 'purge' | 'source' | 'figures';

export interface PairParts {
  readonly tenants: Tenants;
  readonly tokens: Readonly<Record<string, string>>;
  /** Keys the hash of tags: two tags in one bucket under one of them are in two under another. */
  readonly epoch: string;
  readonly leak?: Leak | undefined;
}

interface Pending {
  readonly what: string;
  readonly shared: Promise<Shown>;
  readonly lone: Promise<Shown>;
}

export class Pair {
  readonly shared: World;
  readonly lone: Readonly<Record<Name, World>>;
  readonly differences: string[] = [];
  compared = 0;
  readonly #parts: PairParts;
  readonly #contents: Readonly<Record<Name, readonly [shared: Content, lone: Content]>>;
  readonly #api;
  #pending: Pending[] = [];
  readonly #tokens = new Map<Name, string[]>();

  constructor(parts: PairParts) {
    this.#parts = parts;
    const { epoch, tenants } = parts;
    this.#contents = Object.fromEntries(EVERYONE.map((name) => [name, [new Content(), new Content()]])) as never;
    this.shared = new World({
      ...{ epoch, config: tenants.config },
      originOf: (whole, time) => {
        const [first = '', second] = whole.split(':');
        const [name, origin] = second === undefined ? [FILE, first] : [first, second];
        return originOf(this.#contents[name as Name][0], origin as string, time);
      },
    });
    this.lone = Object.fromEntries(
      EVERYONE.map((name) => {
        const config = fileConfig(name === FILE ? {} : { routes: routesAt(hostOf(name)) });
        return [
          name,
          new World({ config, epoch, originOf: (own, time) => originOf(this.#contents[name][1], own, time) }),
        ];
      }),
    ) as never;
    tenants.attach({
      gate: this.shared.gate,
      reload: (config) => this.shared.reload(config),
      hostOwner: this.shared.rooms.ownerOf,
      figures: () => this.shared.rooms.figures(),
    });
    this.#api = tenantsApi(this.shared.operator, this.shared.deps, tenants);
  }

  change(name: Name, path: string): void {
    for (const content of this.#contents[name]) content.change(path);
  }

  ask(name: Name, method: string, path: string, delayMs: number): void {
    for (const content of this.#contents[name]) content.delayMs = delayMs;
    const host = hostOf(name);
    this.#pending.push({
      what: `${name}: ${method} ${path}`,
      shared: this.shared.ask(host, method, path),
      lone: this.lone[name].ask(host, method, path),
    });
  }

  /** A call of the admin API by the tenant, or by an operator for it, and of its own gate. */
  async call(
    name: Name,
    { path, body, byOperator }: { path: string; body?: object; byOperator: boolean },
  ): Promise<void> {
    // A report repeats the token of the answer before, which each gate gave of its own.
    const [own, alone] = this.#tokens.get(name) ?? [];
    const isReport = path === '/sources' && body !== undefined;
    const withToken = (token: string | undefined) => (isReport && token !== undefined ? { ...body, token } : body);
    const [shared, lone] = await this.#both(
      this.#sharedCall(name, path, { body: withToken(own), byOperator }),
      this.lone[name].operator(requestOf(path, withToken(alone))),
    );
    if (isReport)
      this.#tokens.set(
        name,
        [shared, lone].map((answer) => JSON.parse(answer.body).token as string),
      );
    await this.#leaked(name, path, body);
    this.#compare(`${name}: ${path} ${JSON.stringify(body) ?? ''}`, shownCall(shared), shownCall(lone));
  }

  /** The answer of the shared gate alone. */
  async refusedCall(name: Name, path: string, body: unknown): Promise<void> {
    const call = this.#sharedCall(name, path, { body, byOperator: false });
    const { status } = (await this.#both(call, Promise.resolve(undefined)))[0] as AdminResponse;
    if (status < 400 || status > 404)
      this.differences.push(`${name} reached others: ${path} ${JSON.stringify(body)}: ${status}`);
    this.compared++;
  }

  #sharedCall(
    name: Name,
    path: string,
    { body, byOperator }: { body: unknown; byOperator: boolean },
  ): Promise<AdminResponse> {
    if (name === FILE) return this.#api(requestOf(path, body));
    if (byOperator) return this.#api(requestOf(`/tenants/${name}${path}`, body));
    return this.#api(requestOf(path, body, this.#parts.tokens[name]));
  }

  async #leaked(name: Name, path: string, body: unknown): Promise<void> {
    const { gate, rooms } = this.shared;
    const [other] = NAMES.filter((one) => one !== name) as [Name];
    const { leak } = this.#parts;
    const { tag, tags } = (body ?? {}) as { readonly tag?: string; readonly tags?: readonly string[] };
    if (leak === 'tag' && path === '/invalidate' && tag !== undefined)
      await gate.invalidate({ kind: 'tag', tag: ownedName(tag, other) });
    if (leak === 'purge' && path === '/purge')
      await gate.purge({ kind: 'origin', origin: originOfTenant(other, 'api') });
    if (leak === 'source' && tags !== undefined)
      await gate.invalidate({ kind: 'tag', tag: ownedName('tg-source:shop', other) });
    if (leak === 'figures') rooms.sent(other, 1);
  }

  async #both<One, Other>(one: Promise<One>, other: Promise<Other>): Promise<[One, Other]> {
    const both = Promise.all([one, other]);
    let isOver = false;
    both.finally(() => {
      isOver = true;
    });
    while (!isOver) await this.settle();
    return both;
  }

  async settle(): Promise<void> {
    for (let round = 0; round < 3; round++) {
      for (const { time } of this.#worlds()) time.advance(0);
      await new Promise<void>((resolve) => setImmediate(resolve));
    }
  }

  async advance(ms: number): Promise<void> {
    for (const world of this.#worlds()) world.time.advance(ms);
    await this.settle();
  }

  /** Compares the answers of the requests so far. */
  async answers(): Promise<void> {
    await this.advance(2_000);
    for (const { what, shared, lone } of this.#pending)
      this.#compare(what, shownAnswer(await shared), shownAnswer(await lone));
    this.#pending = [];
  }

  /** What a tenant has and did; and that nothing of the shared gate is told under another name. */
  async states(): Promise<void> {
    for (const name of NAMES) {
      await this.call(name, { path: '/entries', byOperator: false });
      const { requests } = this.shared.rooms.figures()[name] ?? { requests: {} };
      const own = Object.entries(this.lone[name].gate.stats().requests).filter(([, count]) => count > 0);
      this.#compare(`${name}: figures`, sorted(requests), sorted(Object.fromEntries(own)));
      const bytes = this.shared.rooms.figures()[name]?.clientBytes;
      this.#compare(`${name}: bytes`, String(bytes), '0');
    }
    const told = EVERYONE.map(
      (name) => this.shared.reported.filter((owner) => owner === (name === FILE ? '' : name)).length,
    );
    this.#compare('exchanges', told.join(), EVERYONE.map((name) => this.lone[name].reported.length).join());
  }

  /** Nothing is stored any more, in any of them. */
  async clear(): Promise<void> {
    for (const { gate } of this.#worlds()) await gate.purge({ kind: 'all' });
    await this.advance(70_000);
  }

  #worlds(): World[] {
    return [this.shared, ...Object.values(this.lone)];
  }

  #compare(what: string, shared: string, lone: string): void {
    this.compared++;
    if (shared !== lone) this.differences.push(`${what}\n  among others: ${shared}\n  alone:        ${lone}`);
  }
}

function routesAt(host: string): object[] {
  return ROUTES.map((route) => ({ ...route, match: { ...route.match, host } }));
}

function requestOf(target: string, body: unknown, token?: string) {
  const [path = '', query = ''] = target.split('?');
  return {
    method: body === undefined ? 'GET' : 'POST',
    path,
    query,
    fields: token === undefined ? [] : ['authorization', `Bearer ${token}`],
    bodyText: body === undefined ? '' : JSON.stringify(body),
  };
}

function sorted(counts: object): string {
  return JSON.stringify(Object.entries(counts).sort());
}

/** Positions, and tokens of reports, count what everyone does. */
function shownCall({ status, body }: AdminResponse): string {
  const hidden = (key: string, value: unknown) => (['position', 'stamp', 'token'].includes(key) ? undefined : value);
  return `${status} ${JSON.stringify(JSON.parse(body), hidden)}`;
}

function shownAnswer({ status, fields, text }: Shown): string {
  return `${status} ${text} ${JSON.stringify(fields)}`;
}
