// Tokens of tenants. A token is 256 random bits, so a plain SHA-256 keeps it: there is no shorter list to guess from, which is
// what slow hashes and salts are for. It is shown once; the id in it finds its digest without a search.

import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import { TENANT_TOKEN, type TenantsApi, type TokenView } from '../../admin/tenants-contract.ts';
import { platformClock } from '../../cache/platform.ts';
import { expected } from '../../errors.ts';
import type { TenantRecords, TokenRecord } from './tenant-records.ts';

const MAX_TOKENS = 16;
const NO_DIGEST = digestOf('');

export class TenantTokens {
  readonly #records: TenantRecords | undefined;
  readonly #byId: Map<string, TokenRecord>;

  /** Without records nobody has a tenant, nor a token. */
  constructor(records: TenantRecords | undefined) {
    this.#records = records;
    this.#byId = new Map(records?.tokens().map((one) => [one.id, one] as const));
  }

  of(tenant: string): TokenView[] {
    const own = [...this.#byId.values()].filter((one) => one.tenant === tenant);
    return own.map(viewOf);
  }

  readonly issue: TenantsApi['tokens']['issue'] = (tenant, { scopes, expiresInMs }) => {
    const now = platformClock.now();
    for (const { id, expiresMs } of this.of(tenant)) if (expiresMs <= now) this.revoke(tenant, id);
    if (this.of(tenant).length >= MAX_TOKENS)
      return expected('E_CONFIG', `at most ${MAX_TOKENS} tokens of a tenant (revoke one)`, MAX_TOKENS + 1);
    const id = randomBytes(6).toString('hex');
    const token = `${TENANT_TOKEN}${id}_${randomBytes(32).toString('base64url')}`;
    const record = { id, tenant, digest: digestOf(token), scopes, createdMs: now, expiresMs: now + expiresInMs };
    this.#records?.putToken(record);
    this.#byId.set(id, record);
    return { ...viewOf(record), token };
  };

  readonly revoke: TenantsApi['tokens']['revoke'] = (tenant, id) => {
    if (this.#byId.get(id)?.tenant !== tenant) return expected('E_CONFIG', `the id of a token of ${tenant}`, id);
    this.#records?.removeToken(id);
    this.#byId.delete(id);
  };

  /** A digest is compared whether there is such a token or not, and to its end. */
  readonly authenticate: TenantsApi['tokens']['authenticate'] = (token) => {
    const id = token.slice(TENANT_TOKEN.length).split('_', 1)[0] as string;
    const known = this.#byId.get(id);
    const isRight = timingSafeEqual(Buffer.from(digestOf(token)), Buffer.from(known?.digest ?? NO_DIGEST));
    if (!isRight || known === undefined || known.expiresMs <= platformClock.now()) return undefined;
    return { tenant: known.tenant, tokenId: id, scopes: known.scopes };
  };

  forget(tenant: string): void {
    for (const { id } of this.of(tenant)) this.#byId.delete(id);
  }
}

function viewOf({ id, scopes, createdMs, expiresMs }: TokenRecord): TokenView {
  return { id, scopes, createdMs, expiresMs };
}

function digestOf(token: string): string {
  return createHash('sha256').update(token).digest('hex');
}
