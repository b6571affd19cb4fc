// What the options tell of a connection: as whom it asks, and where names without a schema are looked for.

import { expected } from '../../errors.ts';
import type { SoundOptions } from './options.ts';

type Scoped = Pick<SoundOptions, 'schema' | 'role' | 'tenant'>;

/** Part of each key, asked anew for each query. Throws E_CONFIG, and what the functions among the options throw. */
export function scopeOf({ schema, role, tenant }: Scoped): { readonly schema: string; readonly role: string } {
  return { schema: nowOf(schema), role: JSON.stringify([nowOf(role), nowOf(tenant)]) };
}

function nowOf(given: string | (() => string) | undefined): string {
  const value: unknown = typeof given === 'function' ? given() : (given ?? '');
  if (typeof value === 'string') return value;
  expected('E_CONFIG', 'a schema, role or tenant as a string', value);
}

/** Whether keys tell what the setting changes. */
export function isTold(setting: string, { schema, role, tenant }: Scoped): boolean {
  if (setting === 'search_path') return schema !== undefined;
  if (setting === 'role' || setting === 'session_authorization') return role !== undefined;
  // With a dot in its name it is the application's own, for policies to read.
  return setting.includes('.') && (tenant !== undefined || role !== undefined);
}
