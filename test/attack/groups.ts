// The groups of `npm run attack`, in the order in which they run; a new one is one line.

import { ADMIN } from './admin.ts';
import { FLOODS_GROUP } from './floods/group.ts';
import { H2 } from './h2/group.ts';
import { HTTP1 } from './http1/group.ts';
import { ORIGINS } from './origins/group.ts';
import { POISONING } from './poisoning/group.ts';
import { READERS } from './readers.ts';
import type { Group } from './rows.ts';
import { SECRETS } from './secrets.ts';
import { UPLOADS } from './uploads.ts';
import { WRITES } from './writes.ts';

export const GROUPS: readonly Group[] = [
  HTTP1,
  H2,
  UPLOADS,
  READERS,
  WRITES,
  POISONING,
  ORIGINS,
  SECRETS,
  ADMIN,
  FLOODS_GROUP,
];
