// Who is at the other end of a connection, and where ours is.

import type { Socket } from 'node:net';

/** Who sent a request. */
export interface Peer {
  readonly address: string;
  /** Address and port of our end, for a request that names no host. */
  readonly localAuthority: () => string;
}

export function peerOf(socket: Socket): Peer {
  return { address: socket.remoteAddress ?? '', localAuthority: () => localAuthority(socket) };
}

function localAuthority({ localAddress = '', localPort }: Socket): string {
  const address = unmapped(localAddress);
  return `${address.includes(':') ? `[${address}]` : address}:${localPort}`;
}

/** An IPv4 address in the form of IPv6, as a socket that listens on both has it (RFC 4291 §2.5.5.2). */
export function unmapped(address: string): string {
  return address.startsWith('::ffff:') ? address.slice(7) : address;
}
