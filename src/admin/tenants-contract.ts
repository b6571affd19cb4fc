// Provisioned tenants as the admin API asks for them. Types, and the scopes of tokens.

import type { OutcomeClass } from '../engine/outcome-class.ts';
import type { UnknownRecord } from '../options/kit.ts';
import type { Eventually } from '../ports.ts';

/** How the token of a tenant begins. A token of an operator that begins so is refused. */
export const TENANT_TOKEN = 'tgt_';

/** What a token permits: to look, to invalidate and report changes, to change routes and rotate itself. */
export const SCOPES = ['read', 'invalidate', 'configure'] as const;
export type Scope = (typeof SCOPES)[number];

/** What a tenant did since the start of the gate. `limited`: requests answered 429 by its own bound. */
export interface TenantFigures {
  readonly requests: { readonly [outcome in OutcomeClass]?: number };
  /** Answers that came from an origin, or were to come. */
  readonly forwards: number;
  readonly clientBytes: number;
  readonly limited: number;
  /** Of its entries in memory, now. */
  readonly memoryBytes: number;
}

/** A token without the token: nobody sees that again. */
export interface TokenView {
  readonly id: string;
  readonly scopes: readonly Scope[];
  readonly createdMs: number;
  readonly expiresMs: number;
}

export interface TenantView extends UnknownRecord {
  readonly name: string;
  readonly status: 'active' | 'suspended';
  readonly createdMs: number;
  readonly updatedMs: number;
  readonly tokens: readonly TokenView[];
}

export interface IssuedToken extends TokenView {
  readonly token: string;
}

export interface TokenTerms {
  readonly scopes: readonly Scope[];
  readonly expiresInMs: number;
}

export interface AuditEntry {
  readonly atMs: number;
  /** The id of a token, or `operator`. */
  readonly who: string;
  readonly what: string;
  readonly details: string;
}

/** Who asks: a tenant by one of its tokens. */
export interface TenantCaller {
  readonly tenant: string;
  readonly tokenId: string;
  readonly scopes: readonly Scope[];
}

/** A tenant as the narrowed admin API sees it: by its own names. */
export interface TenantScope {
  readonly name: string;
  originNames(): readonly string[];
  /** The name of its origin in the whole configuration, and back. */
  originOf(origin: string): string;
  plainOrigin(name: string): string;
  ownsHost(host: string): boolean;
  figures(): Eventually<TenantFigures>;
}

/** Changes reject with E_CONFIG, and then nothing has changed. */
export interface TenantsApi {
  list(): readonly TenantView[];
  show(name: string): TenantView | undefined;
  create(name: unknown, spec: UnknownRecord): Promise<TenantView>;
  /** Members that are given replace those of before. */
  update(name: string, members: UnknownRecord): Promise<TenantView>;
  setStatus(name: string, status: TenantView['status']): Promise<TenantView>;
  remove(name: string): Promise<void>;
  scope(name: string): TenantScope;
  readonly tokens: {
    issue(tenant: string, terms: TokenTerms): IssuedToken;
    revoke(tenant: string, id: string): void;
    /** Undefined: no token of a tenant, or not any more. */
    authenticate(token: string): TenantCaller | undefined;
  };
  readonly audit: {
    /** The newest first. */
    of(name: string, limit: number): readonly AuditEntry[];
    note(name: string, entry: Omit<AuditEntry, 'atMs'>): void;
  };
}
