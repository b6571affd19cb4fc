// Tenants on the disk: what they are told to be, the digests of their tokens, and who did what.
//
// A database of its own beside the manifest: the manifest belongs to a cache, is begun anew when it is damaged, and is written
// by a thread; tenants must survive that, and are changed seldom.

import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import type { AuditEntry, Scope, TokenView } from '../../admin/tenants-contract.ts';
import { messageOf, TidegateError } from '../../errors.ts';
import type { UnknownRecord } from '../../options/kit.ts';

const TENANTS_FILE = 'tenants.db';
const VERSION = 1;

const TABLES = `
  CREATE TABLE tenants (
    name TEXT PRIMARY KEY, spec TEXT NOT NULL, suspended INTEGER NOT NULL, created INTEGER NOT NULL, updated INTEGER NOT NULL
  ) STRICT, WITHOUT ROWID;
  CREATE TABLE tokens (
    id TEXT PRIMARY KEY, tenant TEXT NOT NULL REFERENCES tenants ON DELETE CASCADE,
    digest TEXT NOT NULL, scopes TEXT NOT NULL, created INTEGER NOT NULL, expires INTEGER NOT NULL
  ) STRICT, WITHOUT ROWID;
  CREATE TABLE audit (
    id INTEGER PRIMARY KEY, tenant TEXT NOT NULL REFERENCES tenants ON DELETE CASCADE,
    at INTEGER NOT NULL, who TEXT NOT NULL, what TEXT NOT NULL, details TEXT NOT NULL
  ) STRICT;
  CREATE INDEX audit_of ON audit (tenant, id);
  PRAGMA user_version = ${VERSION};
`;

export interface TenantRecord {
  readonly name: string;
  readonly spec: UnknownRecord;
  readonly suspended: boolean;
  readonly createdMs: number;
  readonly updatedMs: number;
}

export interface TokenRecord extends TokenView {
  readonly tenant: string;
  /** SHA-256 of the whole token, in hex. */
  readonly digest: string;
}

/** Kept of each tenant. */
const MAX_AUDIT = 1_000;
const TRIM_EVERY = 100;

export class TenantRecords {
  readonly #database: DatabaseSync;
  readonly #notes = new Map<string, number>();

  /** Throws E_DISK. */
  constructor(folder: string) {
    const file = join(folder, TENANTS_FILE);
    try {
      this.#database = new DatabaseSync(file, { timeout: 5_000 });
      this.#database.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA foreign_keys = ON;');
      const version = Number(this.#database.prepare('PRAGMA user_version').get()?.user_version);
      if (version === 0) this.#database.exec(`BEGIN; ${TABLES} COMMIT;`);
      else if (version > VERSION) throw new Error(`expected version ${VERSION} or older, got ${version}`);
    } catch (cause) {
      throw new TidegateError('E_DISK', `${file}: expected the tenants of this gate, got ${messageOf(cause)}`, {
        cause,
      });
    }
  }

  tenants(): TenantRecord[] {
    return this.#database
      .prepare('SELECT * FROM tenants ORDER BY name')
      .all()
      .map(({ name, spec, suspended, created, updated }) => ({
        name: String(name),
        spec: JSON.parse(String(spec)) as UnknownRecord,
        suspended: suspended === 1,
        createdMs: Number(created),
        updatedMs: Number(updated),
      }));
  }

  save({ name, spec, suspended, createdMs, updatedMs }: TenantRecord): void {
    const statement = `INSERT INTO tenants VALUES (?, ?, ?, ?, ?) ON CONFLICT (name)
      DO UPDATE SET spec = excluded.spec, suspended = excluded.suspended, updated = excluded.updated`;
    this.#durably(statement, [name, JSON.stringify(spec), suspended ? 1 : 0, createdMs, updatedMs]);
  }

  /** Takes its tokens and its audit along: another tenant may have the name later. */
  remove(name: string): void {
    this.#durably('DELETE FROM tenants WHERE name = ?', [name]);
  }

  tokens(): TokenRecord[] {
    return this.#database
      .prepare('SELECT * FROM tokens ORDER BY created, id')
      .all()
      .map(({ id, tenant, digest, scopes, created, expires }) => ({
        id: String(id),
        tenant: String(tenant),
        digest: String(digest),
        scopes: String(scopes).split(' ') as Scope[],
        createdMs: Number(created),
        expiresMs: Number(expires),
      }));
  }

  putToken({ id, tenant, digest, scopes, createdMs, expiresMs }: TokenRecord): void {
    const values = [id, tenant, digest, scopes.join(' '), createdMs, expiresMs];
    this.#durably('INSERT INTO tokens VALUES (?, ?, ?, ?, ?, ?)', values);
  }

  removeToken(id: string): void {
    this.#durably('DELETE FROM tokens WHERE id = ?', [id]);
  }

  /** On the disk when it returns: a token that was revoked must not come back after a power cut. Notes are not worth a sync. */
  #durably(statement: string, values: readonly (string | number)[]): void {
    this.#database.exec('PRAGMA synchronous = FULL');
    try {
      this.#database.prepare(statement).run(...values);
    } finally {
      this.#database.exec('PRAGMA synchronous = NORMAL');
    }
  }

  note(tenant: string, { atMs, who, what, details }: AuditEntry): void {
    this.#database
      .prepare('INSERT INTO audit (tenant, at, who, what, details) VALUES (?, ?, ?, ?, ?)')
      .run(tenant, atMs, who, what, details);
    // Now and then, since it reads the index.
    const notes = (this.#notes.get(tenant) ?? 0) + 1;
    this.#notes.set(tenant, notes % TRIM_EVERY);
    if (notes < TRIM_EVERY) return;
    this.#database
      .prepare(
        `DELETE FROM audit WHERE tenant = ? AND id <=
         (SELECT id FROM audit WHERE tenant = ? ORDER BY id DESC LIMIT 1 OFFSET ${MAX_AUDIT})`,
      )
      .run(tenant, tenant);
  }

  audit(tenant: string, limit: number): AuditEntry[] {
    return this.#database
      .prepare(`SELECT * FROM audit WHERE tenant = ? ORDER BY id DESC LIMIT ${Math.min(limit, MAX_AUDIT)}`)
      .all(tenant)
      .map(({ at, who, what, details }) => ({
        atMs: Number(at),
        who: String(who),
        what: String(what),
        details: String(details),
      }));
  }

  close(): void {
    if (this.#database.isOpen) this.#database.close();
  }
}
