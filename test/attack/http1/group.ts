// Raw requests of HTTP/1, by the rules of RFC 9112 and 9110.

import type { Group } from '../rows.ts';
import { CHUNKS } from './chunks.ts';
import { CODINGS } from './codings.ts';
import { FIELD_LINES } from './field-lines.ts';
import { HOSTS } from './hosts.ts';
import { LENGTHS } from './lengths.ts';
import { REQUEST_LINES } from './request-lines.ts';
import { SMUGGLING } from './smuggling.ts';
import { TARGETS } from './targets.ts';

export const HTTP1: Group = {
  name: 'http1',
  rows: [REQUEST_LINES, TARGETS, HOSTS, FIELD_LINES, LENGTHS, CODINGS, CHUNKS, SMUGGLING].flat(),
};
