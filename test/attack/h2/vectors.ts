// How a row of raw frames runs: what the frames came to, whether the connection goes on, and what the origin saw of them.

import { setTimeout as sleep } from 'node:timers/promises';
import {
  codeOf,
  END_HEADERS,
  END_STREAM,
  type Frame,
  fieldBlock,
  frameBytes,
  GOAWAY,
  HEADERS,
  RST_STREAM,
  readFrames,
  SETTINGS,
} from '../../kit/h2-frames.ts';
import { forwardedWord, type Row } from '../rows.ts';
import { HOST, type World } from '../world.ts';

const CODES = (
  'NO_ERROR PROTOCOL_ERROR INTERNAL_ERROR FLOW_CONTROL_ERROR SETTINGS_TIMEOUT STREAM_CLOSED FRAME_SIZE_ERROR ' +
  'REFUSED_STREAM CANCEL COMPRESSION_ERROR CONNECT_ERROR ENHANCE_YOUR_CALM INADEQUATE_SECURITY HTTP_1_1_REQUIRED'
).split(' ');

export const PREFACE = Buffer.concat([Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'), frameBytes(SETTINGS, 0, [0])]);

/** Sent after the frames of a row; its answer shows that the connection goes on. */
const PROBE = 0x7ffffff1;
const PROBE_PATH = '/probe';

export type Fields = readonly (readonly [string, string])[];

export interface Made {
  readonly path: string;
  /** The fields of a sound GET for the row's path. */
  readonly get: Fields;
  readonly post: Fields;
}

export interface Vector {
  readonly name: string;
  readonly expected: string;
  /** Frames in the order in which they are sent; a number is a pause in ms. */
  frames(made: Made): readonly (Uint8Array | number)[];
  /** No preface of ours before it. */
  readonly bare?: boolean;
  /** No request of ours behind it. */
  readonly last?: boolean;
  readonly withinMs?: number;
  /** For all of the row; then it is left out of `--short`. */
  readonly rowMs?: number;
  readonly exception?: NonNullable<Row['exception']>;
}

export const head = (stream: number, fields: Fields, flags = END_HEADERS | END_STREAM): Buffer =>
  frameBytes(HEADERS, flags, [stream, fieldBlock(...fields)]);

export function rowOf(rule: string, vector: Vector): Row {
  const { name, expected, exception, rowMs } = vector;
  const long = rowMs === undefined ? {} : { long: true, withinMs: rowMs };
  return { name, rule, expected, ...long, ...(exception && { exception }), run: (world) => run(world, vector) };
}

async function run(world: World, { frames, bare = false, last = false, withinMs = 2_500 }: Vector): Promise<string> {
  const path = world.path();
  const fields = (method: string): Fields => [
    [':method', method],
    [':scheme', 'https'],
    [':authority', HOST],
    [':path', path],
  ];
  const client = world.connect({ alpn: ['h2'] });
  if (!bare) await client.send(PREFACE);
  await client.send(...frames({ path, get: fields('GET'), post: fields('POST') }));
  if (!last) await client.send(head(PROBE, [...fields('GET').slice(0, 3), [':path', PROBE_PATH]]));
  const received = () => framesOf(client.bytes);
  const probed = () => received().some(({ stream, type }) => stream === PROBE && type === HEADERS);
  await client.until(() => probed() || received().some(({ type }) => type === GOAWAY), withinMs);
  await client.untilQuiet(60, 500);
  const all = received();
  const ended = client.state !== 'open' || all.some(({ type }) => type === GOAWAY);
  client.destroy();
  await sleep(20);
  const forwarded = world.origin.received.filter(({ target }) => target === path).length;
  return `${effect(all)}, ${ended ? 'ended' : 'goes on'}, ${forwardedWord(forwarded)}`;
}

/** The first that applies: an error of the connection, of a stream, statuses, none. */
function effect(all: readonly Frame[]): string {
  const code = (frame: Frame) => CODES[codeOf(frame)] ?? String(codeOf(frame));
  const goaway = all.find((frame) => frame.type === GOAWAY && codeOf(frame) !== 0);
  if (goaway !== undefined) return `connection ${code(goaway)}`;
  const rows = all.filter(({ stream }) => stream !== PROBE);
  const reset = rows.find((frame) => frame.type === RST_STREAM && codeOf(frame) !== 0);
  if (reset !== undefined) return `stream ${code(reset)}`;
  const statuses = rows.flatMap((frame) => (frame.type === HEADERS ? statusIn(frame.payload) : []));
  return statuses.length === 0 ? 'nothing' : statuses.join(' ');
}

/** RFC 7541: an index of the static table, or a literal whose name is index 8 (`:status`), plain or in Huffman code. */
function statusIn(payload: Buffer): string[] {
  const indexed: Readonly<Record<number, string>> = { 8: '200', 9: '204', 10: '206', 11: '304', 12: '400', 13: '404' };
  const [first = 0, length = 0] = payload;
  if (first >= 0x80) return [indexed[first & 0x7f] ?? 'trailers'];
  if ((first & 0x0f) !== 8) return ['trailers'];
  const text = payload.subarray(2, 2 + (length & 0x7f));
  return [length < 0x80 ? text.toString('latin1') : huffmanDigits(text)];
}

/** Codes of the digits (RFC 7541 Appendix B): 0 to 2 in five bits, 3 to 9 in six. */
function huffmanDigits(bytes: Buffer): string {
  let bits = [...bytes].map((byte) => byte.toString(2).padStart(8, '0')).join('');
  let text = '';
  while (text.length < 3 && bits.length >= 5) {
    const five = Number.parseInt(bits.slice(0, 5), 2);
    const isFive = five <= 2;
    text += isFive ? String(five) : String(Number.parseInt(bits.slice(0, 6), 2) - 0x19 + 3);
    bits = bits.slice(isFive ? 5 : 6);
  }
  return text;
}

function framesOf(bytes: Buffer): Frame[] {
  const frames: Frame[] = [];
  readFrames(bytes, (frame) => frames.push(frame));
  return frames;
}
