// The groups of `npm run attack`, in the order in which they run; a new one is one line.

import { REQUEST_LINE } from './groups/request-line.ts';
import type { Group } from './rows.ts';

export const GROUPS: readonly Group[] = [REQUEST_LINE];
