// What lies on a disk or comes from another process: damaged, cut, of another version, or made by a stranger.

import { serialize } from 'node:v8';
import { crc32 } from 'node:zlib';
import fc from 'fast-check';
import { readProxyHeader } from '../../../src/node/front/connection/proxy-protocol.ts';
import {
  decodeHeader,
  decodeLog,
  encodeRecord as encodeChange,
  encodeHeader,
} from '../../../src/store/disk/journal/journal-files.ts';
import { decodeRow } from '../../../src/store/disk/manifest/manifest-content.ts';
import { decodeRecord, encodeRecord, recordHeader } from '../../../src/store/disk/segments/segment-record.ts';
import { decodeRegistration } from '../../../src/track/server/feed-wire.ts';
import { anyEntry } from '../../kit/any-entry.ts';
import { bytesTarget, holds, jsonTarget } from '../target.ts';

const GENERATION = 7;

function text(...parts: readonly Uint8Array[]): string {
  return Buffer.concat(parts).toString('latin1');
}

const records = bytesTarget({
  name: 'disk-records',
  seeds: fc.sample(anyEntry, { seed: 1, numRuns: 12 }).map((entry) => {
    const { prefix, content } = encodeRecord(entry, GENERATION);
    return text(prefix, content);
  }),
  words: ['\0\0\0\0', '\xff\xff\xff\xff', '\x01\0\0\0', '\0\0\0\x80', 'TGES', '\0'],
  run(bytes) {
    recordHeader(bytes);
    const asItIs = decodeRecord(bytes, { generation: GENERATION, key: undefined });
    // Past the checksum too: another version may have written it.
    const stamped = Buffer.from(bytes);
    if (stamped.length > 24) {
      stamped.writeDoubleLE(GENERATION, 16);
      stamped.writeUInt32LE(crc32(stamped.subarray(8)), 4);
    }
    const read = decodeRecord(stamped, { generation: GENERATION, key: undefined });
    if (typeof read === 'string') return `${String(asItIs)} ${read}`;
    if (read.kind === 'response') holds('a head lies within its bytes', read.headBytes <= read.bytes.length);
    return `${typeof asItIs === 'string' ? asItIs : 'read'} ${read.kind}`;
  },
});

const EPOCH = 'e-1';
const CHANGES = [
  { kind: 'open', intent: 'i', uri: 'http://a/b' },
  { kind: 'invalidate', selector: { kind: 'tag', tag: 't' } },
  { kind: 'close', intent: 'i' },
] as const;

const journal = bytesTarget({
  name: 'journal',
  seeds: [
    text(
      encodeHeader({ epoch: EPOCH, base: 5, serial: 3, intents: [] }),
      ...CHANGES.map((change, at) => {
        return encodeChange(EPOCH, { serial: 4 + at, position: at === 0 ? 5 : 6, change });
      }),
    ),
    text(encodeHeader({ epoch: '', base: 0, serial: 0, intents: [{ id: 'i', uri: 'http://a/' }] as never })),
  ],
  words: ['TGLOG 2\n', '{"epoch":"e-1"', '"kind":"close"', '\0\0\0\0', '\xff\xff\xff\x7f', '}'],
  run(bytes) {
    const header = decodeHeader(bytes);
    const log = decodeLog(bytes);
    holds('a log has a header or is none', (header === undefined) === (log === undefined));
    if (log === undefined) return 'none';
    const { records: read } = log;
    const isDense = read.every(({ serial }, at) => at === 0 || serial === (read[at - 1]?.serial ?? 0) + 1);
    holds('records are numbered without a gap', isDense);
    return `records ${read.length}`;
  },
});

const rows = jsonTarget({
  name: 'manifest-rows',
  seeds: [JSON.stringify([1, 'GET http://a/b', 0, 8, 100, '', 0, '[0,200,1,null,"","",[],"e",4]', 0])],
  words: ['[0,200]', 'null', '[]', '"e"', '4294967295'],
  run(input) {
    if (!Array.isArray(input) || input.some((one) => typeof one !== 'string' && typeof one !== 'number'))
      return 'unfit';
    // As SQLite gives them: a checksum that is wrong says that they are others.
    return decodeRow(input as never) === undefined ? 'none' : 'row';
  },
});

const MARK = { session: 's', position: '0/1', gaps: 0, generation: 1, seen: { kind: 'up-to', position: '0/1' } };
const FORMS = [
  { kind: 'source' },
  { kind: 'table', table: 't' },
  { kind: 'template', text: 'SELECT 1', digest: 'd', path: ['public'] },
  { kind: 'statement', text: 'SELECT 1', digest: 'd', parameters: [1, 'a', null, [2]], rows: [[1, { text: 'x' }]] },
];

const registrations = jsonTarget({
  name: 'registrations',
  seeds: FORMS.map((form) => JSON.stringify({ tag: 'q1', mark: MARK, form })),
  words: [
    'kind',
    'source',
    'table',
    'statement',
    'parameters',
    'rows',
    'snapshot',
    'running',
    'below',
    'length',
    'mark',
  ],
  run: (input) => registered(serialize(input)),
});

const wire = bytesTarget({
  name: 'wire-bytes',
  seeds: FORMS.map((form) => text(serialize({ tag: 'q1', mark: MARK, form }))),
  words: [
    '\xff\x0f',
    'o"',
    '"\x04kind',
    'A\x01',
    'a\xff\xff\xff\x7f',
    'D\0\0\0\0\0\0\0\0',
    'Z\x10',
    '\\',
    "'",
    ';',
    '{\x01',
  ],
  run: (bytes) => registered(bytes),
});

function registered(bytes: Uint8Array): string {
  const read = decodeRegistration(bytes);
  if (read === undefined) return 'none';
  holds('a tag is a text', typeof read.tag === 'string');
  return read.form.kind;
}

const V2 = '\r\n\r\n\0\r\nQUIT\n';

const proxy = bytesTarget({
  name: 'proxy-header',
  seeds: [
    'PROXY TCP4 192.0.2.1 192.0.2.2 1 2\r\nGET',
    'PROXY TCP6 ::1 ::2 65535 443\r\n',
    'PROXY UNKNOWN\r\n',
    `${V2}\x21\x11\0\x0c\x01\x02\x03\x04\x05\x06\x07\x08\0\x01\0\x02rest`,
    `${V2}\x20\0\0\0`,
    `${V2}\x21\x21\0\x24${'\x01'.repeat(36)}`,
  ],
  words: [
    'PROXY ',
    'TCP4 ',
    'TCP6 ',
    'UNKNOWN',
    '\r\n',
    V2,
    '\x21\x11',
    '\x21\x21\0\x24',
    '\xff\xff',
    ' 00',
    '::ffff:1.2.3.4',
    '256',
  ],
  run(bytes) {
    const read = readProxyHeader(bytes);
    if (read.kind === 'header') {
      holds('a header ends within the bytes', read.bytes > 0 && read.bytes <= bytes.length);
      const again = readProxyHeader(bytes.subarray(0, read.bytes));
      holds('a header does not depend on what follows', again.kind === 'header' && again.bytes === read.bytes);
      for (const cut of [1, read.bytes >> 1]) {
        holds('a part of a header is none', readProxyHeader(bytes.subarray(0, read.bytes - cut)).kind !== 'header');
      }
    }
    return `${read.kind} ${read.kind === 'header' ? String(read.stated === undefined) : ''}`;
  },
});

export const STORED_TARGETS = [records, journal, rows, registrations, wire, proxy];
