// Raw frames of HTTP/2, by the rules of RFC 9113 and RFC 7541.

import type { Group } from '../rows.ts';
import { CONTENT, FIELDS, FLOODS, HPACK, REQUESTS } from './fields.ts';
import { PREFACES, SIZES } from './frames.ts';
import { FRAMES, STATES, STREAM_IDS } from './states.ts';

export const H2: Group = {
  name: 'h2',
  listener: 'tls',
  atOnce: 4,
  rows: [PREFACES, SIZES, STREAM_IDS, STATES, FRAMES, FIELDS, REQUESTS, CONTENT, HPACK, FLOODS].flat(),
};
