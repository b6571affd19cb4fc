// Both ends of a connection: as the socket says, or as a proxy before us has stated.

import type { Socket } from 'node:net';

/** Who sent a request. */
export interface Peer {
  /** In the form of IPv4 where it is one (`unmapped`). */
  readonly address: string;
  /** How the connection reached us. */
  readonly scheme: 'http' | 'https';
  /** Address and port of our end, for a request that names no host. */
  readonly localAuthority: () => string;
}

/** Both ends of a connection, as the PROXY protocol states them. */
export interface Endpoints {
  readonly remoteAddress: string;
  readonly remotePort: number;
  readonly localAddress: string;
  readonly localPort: number;
}

const PEERS = new WeakMap<Socket, Peer>();

/** Notes the peer of a socket; `stated` overrides the socket's own word. */
export function notePeer(socket: Socket, scheme: Peer['scheme'], stated: Endpoints | undefined): Peer {
  const peer = {
    address: unmapped(stated?.remoteAddress ?? socket.remoteAddress ?? ''),
    scheme,
    localAuthority: () => localAuthority(stated ?? socket),
  };
  PEERS.set(socket, peer);
  return peer;
}

/** A connection that stands for another takes over its peer. */
export function sharePeer(from: Socket, to: Socket): void {
  PEERS.set(to, peerOf(from));
}

export function peerOf(socket: Socket): Peer {
  return PEERS.get(socket) ?? notePeer(socket, 'http', undefined);
}

function localAuthority({ localAddress = '', localPort }: { localAddress?: string; localPort?: number }): string {
  const address = unmapped(localAddress);
  return `${address.includes(':') ? `[${address}]` : address}:${localPort}`;
}

/** An IPv4 address that a dual-stack socket reports in the form of IPv6 (RFC 4291 §2.5.5.2). */
export function unmapped(address: string): string {
  return address.startsWith('::ffff:') ? address.slice(7) : address;
}
