// What one client sends changes nothing of what another gets, and what belongs to one client is kept for nobody.

import type { Group } from '../rows.ts';
import { CLAIM_ROWS } from './claims.ts';
import { DECEPTION_ROWS } from './deception.ts';
import { KEY_ROWS } from './keys.ts';
import { POSITION_ROWS } from './positions.ts';
import { REQUEST_ROWS } from './requests.ts';
import { SPELLING_ROWS } from './spellings.ts';

export const POISONING: Group = {
  name: 'poisoning',
  config: ({ originUrl }) => ({
    origins: { app: { url: originUrl } },
    // The rule that makes deception pay: files by their extension, whatever the origin says.
    routes: [
      { match: { path: '/members/*' }, bypass: [{}] },
      { match: { path: '/listed/*' }, variants: { acceptLanguage: ['de', 'en'], acceptEncoding: ['br', 'gzip'] } },
      { match: { path: ['*.css', '*.js'] }, ttl: '1h' },
      { bypass: [{ path: '/orders/*' }] },
    ],
  }),
  atOnce: 8,
  rows: [CLAIM_ROWS, REQUEST_ROWS, KEY_ROWS, POSITION_ROWS, SPELLING_ROWS, DECEPTION_ROWS].flat(),
};
