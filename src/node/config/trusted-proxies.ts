// Whom to believe about host, scheme and client: the peers in `trustedProxies`.

import { BlockList, isIPv6 } from 'node:net';

/** Whether the peer of an address is among these addresses and networks. */
export function trustOf(trusted: readonly string[]): (address: string) => boolean {
  const list = new BlockList();
  for (const network of trusted) {
    const [address, prefix] = network.split('/') as [string, string | undefined];
    const family = isIPv6(address) ? 'ipv6' : 'ipv4';
    if (prefix === undefined) list.addAddress(address, family);
    else list.addSubnet(address, Number(prefix), family);
  }
  return (address) => list.check(address, isIPv6(address) ? 'ipv6' : 'ipv4');
}
