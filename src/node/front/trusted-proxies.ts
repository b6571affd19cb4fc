// Whom to believe, and about what: `trustedProxies` of the configuration.
//
// A proxy appends its own peer to X-Forwarded-For or Forwarded; what stands to the left of it came with the request, and anyone
// may have written it. So the client is the rightmost hop that is no trusted proxy, and only the hops from there on are passed on.

import { BlockList, isIP, isIPv6, SocketAddress } from 'node:net';
import { unmapped } from '../../entry/clients.ts';
import { trimOws } from '../../semantics/fields.ts';

/** What a peer's word is taken for. */
export interface Belief {
  /** A name: of the one field that the proxies write; a client may have sent the other. */
  readonly client: boolean | 'x-forwarded-for' | 'forwarded';
  readonly host: boolean;
  readonly scheme: boolean;
  /** Fields that claim another target or method, or a client in another way than X-Forwarded-For and Forwarded. */
  readonly overrides: boolean;
  /** Whether its Cache-Control is obeyed whatever the route says. */
  readonly directives: boolean;
}

export interface Trust {
  /** Whether the operator has said who the proxies are, or that there are none. */
  readonly isStated: boolean;
  readonly isProxy: (address: string) => boolean;
  /** Of each proxy. */
  readonly belief: Belief;
}

/** Of any other peer. */
export const NO_BELIEF: Belief = Object.freeze({
  client: false,
  host: false,
  scheme: false,
  overrides: false,
  directives: false,
});

/** Who the proxies are is not known. */
export const UNSTATED: Trust = Object.freeze({ isStated: false, isProxy: () => false, belief: NO_BELIEF });

interface TrustSettings extends Belief {
  readonly from: readonly string[];
}

/** `settings`: a list stands for its defaults. */
export function trustOf(settings: readonly string[] | TrustSettings | undefined): Trust {
  if (settings === undefined) return UNSTATED;
  const belief = 'from' in settings ? settings : { ...NO_BELIEF, client: true };
  return { isStated: true, isProxy: membersOf('from' in settings ? settings.from : settings), belief };
}

const REMEMBERED = 256;

/** Whether an address is among these addresses and networks. Few peers are proxies, so answers are remembered. */
function membersOf(networks: readonly string[]): (address: string) => boolean {
  if (networks.length === 0) return () => false;
  const list = new BlockList();
  for (const network of networks) {
    const [address, prefix] = network.split('/') as [string, string | undefined];
    const family = isIPv6(address) ? 'ipv6' : 'ipv4';
    if (prefix === undefined) list.addAddress(address, family);
    else list.addSubnet(address, Number(prefix), family);
  }
  const remembered = new Map<string, boolean>();
  return (address) => {
    const known = remembered.get(address);
    if (known !== undefined) return known;
    const found = list.check(address, isIPv6(address) ? 'ipv6' : 'ipv4');
    if (remembered.size >= REMEMBERED) remembered.clear();
    remembered.set(address, found);
    return found;
  };
}

/** The fields by which proxies state the client. */
interface StatedHops {
  readonly forwardedFor: string | undefined;
  readonly forwarded: string | undefined;
}

/** Of the fields of a request, those that its peer is believed in; undefined: it has none of them. */
export function believedFields({ forwardedFor, forwarded }: StatedHops, belief: Belief): StatedHops | undefined {
  const is = (field: 'x-forwarded-for' | 'forwarded') => belief.client === true || belief.client === field;
  const stated = {
    forwardedFor: is('x-forwarded-for') ? forwardedFor : undefined,
    forwarded: is('forwarded') ? forwarded : undefined,
  };
  return (stated.forwardedFor ?? stated.forwarded) === undefined ? undefined : stated;
}

/**
 * The hops from the client to the peer, which is a proxy. Where the two fields name two clients, one of them passed through the
 * proxy untouched, so the peer alone is certain.
 */
export function hopsTo(
  peer: string,
  { forwardedFor, forwarded }: StatedHops,
  isProxy: Trust['isProxy'],
): readonly string[] {
  // No address holds a comma, so the last part is the proxy's own whatever quotes a client has left open.
  const hops = believedHops(peer, membersOfList(forwardedFor).map(addressOf), isProxy);
  if (forwarded === undefined) return hops;
  const others = believedHops(peer, forwarded.split(',').map(statedFor), isProxy);
  if (forwardedFor === undefined) return others;
  return hops[0] === others[0] ? hops : [peer];
}

function membersOfList(value = ''): string[] {
  return value
    .split(',')
    .map(trimOws)
    .filter((member) => member !== '');
}

/** `stated`: undefined where a hop is unreadable; then whoever stated it is the last one known. */
function believedHops(
  peer: string,
  stated: readonly (string | undefined)[],
  isProxy: Trust['isProxy'],
): readonly string[] {
  const hops = [peer];
  for (const hop of stated.toReversed()) {
    if (hop === undefined) break;
    hops.unshift(hop);
    if (!isProxy(hop)) break;
  }
  return hops;
}

/** An IPv6 address in brackets or an IPv4 address, with a port or without (RFC 7239 §6). */
const NODE = /^(?:\[([0-9a-f:.]+)\]|([0-9.]+))(?::(?:\d{1,5}|_[\w.-]+))?$/i;

/** In the one form of each address; undefined for anything else, such as `unknown`. */
function addressOf(node: string): string | undefined {
  const [, bracketed, plain] = NODE.exec(node) ?? [];
  const address = bracketed ?? plain ?? node;
  const version = isIP(address);
  if (version === 4) return bracketed === undefined ? address : undefined;
  if (version === 0 || address.includes('%')) return undefined;
  return unmapped(new SocketAddress({ address, family: 'ipv6' }).address);
}

/** The parameter `for` of a member of Forwarded (RFC 7239 §4). */
function statedFor(element: string): string | undefined {
  const stated = element.split(';').flatMap((pair) => {
    const [, quoted, token] = /^[ \t]*for=(?:"([^"\\]*)"|([^\s"\\]+))[ \t]*$/i.exec(pair) ?? [];
    return quoted ?? token ?? [];
  });
  return stated.length === 1 ? addressOf(stated[0] as string) : undefined;
}
