// The rights that a role needs to install a feed, and the sentence that names the missing ones.
//
// A managed server has a role of its own that stands for the right to replicate.

import { TidegateError } from '../../errors.ts';
import type { PostgresSession } from './postgres-session.ts';

/** SQL: the columns `role`, `database`, `mayCreate`, `mayReplicate`. */
export const RIGHTS = `current_user AS role, current_database() AS database,
    has_database_privilege(current_database(), 'CREATE') AS "mayCreate",
    (SELECT rolreplication OR rolsuper FROM pg_roles WHERE rolname = current_user)
      OR EXISTS (SELECT FROM pg_roles r WHERE r.rolname = 'rds_replication' AND pg_has_role(current_user, r.oid, 'MEMBER'))
      AS "mayReplicate"`;

/** The rights that a role must have. */
export interface NeededRights {
  readonly create: boolean;
  readonly replication: boolean;
}

/** Rejects with E_FEED when the role lacks a right, before anything is made. */
export async function expectRights(session: PostgresSession, { create, replication }: NeededRights): Promise<void> {
  if (!create && !replication) return;
  const [row = {}] = await session.query(`SELECT ${RIGHTS}`);
  const lacking = [
    ...(create && row.mayCreate !== true ? [createRight(String(row.database))] : []),
    ...(replication && row.mayReplicate !== true ? ['REPLICATION'] : []),
  ];
  if (lacking.length > 0) throw new TidegateError('E_FEED', lackOf(lacking.join(' and '), String(row.role)));
}

export function createRight(database: string): string {
  return `CREATE on the database ${database}`;
}

export function lackOf(right: string, role: string): string {
  return `expected a role with the right ${right}, got ${role} without it`;
}
