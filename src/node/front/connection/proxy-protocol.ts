// The PROXY protocol, versions 1 and 2 (haproxy's proxy-protocol.txt): a header before anything else on a connection,
// in which a proxy names the client it accepted.
//
// The bytes do not prove that such a proxy sent them. So a configuration requires the header from everyone, and any
// other form ends the connection: a client could else state any address.

import { isIPv4, isIPv6, type Socket, SocketAddress } from 'node:net';
import { platformTasks } from '../../../cache/platform.ts';

/** Both ends of a connection that a proxy has accepted. */
export interface Endpoints {
  readonly remoteAddress: string;
  readonly remotePort: number;
  readonly localAddress: string;
  readonly localPort: number;
}

/** The kinds of bytes at the beginning of a connection. */
type ProxyHeader =
  /** The beginning of a header. */
  | { readonly kind: 'more' }
  | { readonly kind: 'malformed'; readonly got: string }
  /** `bytes`: its length. `stated` is undefined when the proxy speaks for itself, or does not name the client. */
  | { readonly kind: 'header'; readonly bytes: number; readonly stated: Endpoints | undefined };

const MORE: ProxyHeader = Object.freeze({ kind: 'more' });

const SIGNATURE_V2 = Buffer.from('\r\n\r\n\0\r\nQUIT\n', 'latin1');
const SIGNATURE_V1 = Buffer.from('PROXY ', 'latin1');
/** With CRLF. */
const MAX_V1_BYTES = 107;
/** Addresses take 36 bytes, the TLVs behind them some hundred; no proxy sends more. */
const MAX_V2_BYTES = 4_096;
const V2_HEAD_BYTES = 16;

/** Reads the header at the beginning of the bytes. */
export function readProxyHeader(bytes: Buffer): ProxyHeader {
  if (beginsAs(bytes, SIGNATURE_V2)) return bytes.length < V2_HEAD_BYTES ? MORE : readV2(bytes);
  if (beginsAs(bytes, SIGNATURE_V1)) return bytes.length < SIGNATURE_V1.length ? MORE : readV1(bytes);
  return malformed('no signature of version 1 or 2');
}

/** Also true when the bytes end within the signature. */
function beginsAs(bytes: Buffer, signature: Buffer): boolean {
  const length = Math.min(bytes.length, signature.length);
  return bytes.compare(signature, 0, length, 0, length) === 0;
}

function malformed(got: string): ProxyHeader {
  return { kind: 'malformed', got };
}

function readV1(bytes: Buffer): ProxyHeader {
  const end = bytes.subarray(0, MAX_V1_BYTES).indexOf('\r\n', 0, 'latin1');
  if (end < 0) return bytes.length < MAX_V1_BYTES ? MORE : malformed(`a line of more than ${MAX_V1_BYTES} bytes`);
  const line = bytes.toString('latin1', 0, end);
  const header = { kind: 'header', bytes: end + 2 } as const;
  // Anything after UNKNOWN is ignored.
  if (/^PROXY UNKNOWN(?: |$)/.test(line)) return { ...header, stated: undefined };
  const [, family, source = '', destination = '', from = '', to = '', ...rest] = line.split(' ');
  const isAddress = family === 'TCP4' ? isIPv4 : family === 'TCP6' ? isIPv6 : () => false;
  const valid = isAddress(source) && isAddress(destination) && isPort(from) && isPort(to) && rest.length === 0;
  if (!valid || /[^\x20-\x7e]|%/.test(line)) return malformed('a line of another form');
  return { ...header, stated: endpoints([source, Number(from)], [destination, Number(to)]) };
}

/** Decimal, without leading zeros. */
function isPort(text: string): boolean {
  return /^(?:0|[1-9]\d{0,4})$/.test(text) && Number(text) <= 65_535;
}

function endpoints(source: readonly [string, number], destination: readonly [string, number]): Endpoints {
  return {
    remoteAddress: source[0],
    remotePort: source[1],
    localAddress: destination[0],
    localPort: destination[1],
  };
}

/**
 * Families and transports, in one byte, with the length of their addresses; the addresses of the last four are not
 * used.
 */
const V2_ADDRESSES: ReadonlyMap<number, number> = new Map([
  [0x00, 0],
  [0x11, 12],
  [0x21, 36],
  [0x12, 12],
  [0x22, 36],
  [0x31, 216],
  [0x32, 216],
]);

function readV2(bytes: Buffer): ProxyHeader {
  const command = bytes[12] as number;
  const family = bytes[13] as number;
  const length = bytes.readUInt16BE(14);
  if (command !== 0x20 && command !== 0x21) return malformed(`version and command 0x${command.toString(16)}`);
  const total = V2_HEAD_BYTES + length;
  if (total > MAX_V2_BYTES) return malformed(`a header of ${total} bytes`);
  // LOCAL: the proxy asks on its own account; skip the rest, whatever it is.
  const local = command === 0x20;
  const needed = V2_ADDRESSES.get(family);
  if (!local && needed === undefined) return malformed(`family and transport 0x${family.toString(16)}`);
  if (!local && length < (needed as number)) return malformed(`${length} bytes of addresses`);
  if (bytes.length < total) return MORE;
  const stated = local ? undefined : addressesV2(bytes.subarray(V2_HEAD_BYTES, total), family);
  return { kind: 'header', bytes: total, stated };
}

function addressesV2(block: Buffer, family: number): Endpoints | undefined {
  if (family === 0x11) {
    const address = (at: number) => block.subarray(at, at + 4).join('.');
    return endpoints([address(0), block.readUInt16BE(8)], [address(4), block.readUInt16BE(10)]);
  }
  if (family !== 0x21) return undefined;
  const address = (at: number) => {
    const groups = Array.from({ length: 8 }, (_, group) => block.readUInt16BE(at + 2 * group).toString(16));
    return new SocketAddress({ address: groups.join(':'), family: 'ipv6' }).address;
  };
  return endpoints([address(0), block.readUInt16BE(32)], [address(16), block.readUInt16BE(34)]);
}

/**
 * Takes the header off an unread connection. `ready`: the bytes behind it are still unread, on a paused socket. `refused`: the
 * connection is over.
 */
export function takeProxyHeader(
  socket: Socket,
  timeoutMs: number,
  listener: { ready(stated: Endpoints | undefined): void; refused(got: string): void },
): void {
  let received = Buffer.alloc(0);
  const stop = () => {
    cancel();
    socket.off('data', onData);
    socket.off('end', onClose);
    socket.off('close', onClose);
    socket.off('error', onError);
  };
  const refuse = (got: string) => {
    stop();
    socket.destroy();
    listener.refused(got);
  };
  const cancel = platformTasks.later(timeoutMs, () => refuse(`none complete within ${timeoutMs} ms`));
  const onData = (chunk: Buffer) => {
    received = Buffer.concat([received, chunk]);
    const header = readProxyHeader(received);
    if (header.kind === 'malformed') refuse(header.got);
    if (header.kind !== 'header') return;
    stop();
    socket.pause();
    if (received.length > header.bytes) socket.unshift(received.subarray(header.bytes));
    listener.ready(header.stated);
  };
  const onClose = () => refuse('the end of the connection');
  const onError = () => socket.destroy();
  socket.on('data', onData);
  socket.on('end', onClose);
  socket.on('close', onClose);
  socket.on('error', onError);
}
