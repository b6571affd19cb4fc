// What the options tell of a connection's settings: who asks, and where names without a schema are looked for.

import type { SoundOptions } from './sound-options.ts';

/** The options tell of it, so it is in the keys. */
export function isTold(setting: string, { schema, role, tenant }: SoundOptions): boolean {
  if (setting === 'search_path') return schema !== undefined;
  if (setting === 'role' || setting === 'session_authorization') return role !== undefined;
  // With a dot in its name it is the application's own, for policies to read.
  return setting.includes('.') && (tenant !== undefined || role !== undefined);
}
