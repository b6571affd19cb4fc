// Clients as bounds count them.

/**
 * What the bounds of one client count by: its IPv4 address, or the /64 network of its IPv6 address, since a subscriber has all of
 * that (RFC 6177 §2). `client`: an address as GateRequest has it.
 */
export function clientGroup(client: string): string {
  if (!client.includes(':')) return client;
  const [text = ''] = client.split('%', 1);
  const [before = '', after] = text.split('::');
  const groups = before === '' ? [] : before.split(':');
  if (after !== undefined) {
    const rest = after === '' ? [] : after.split(':');
    // An IPv4 address at the end stands for two groups; none of the first four is in it.
    const missing = 8 - groups.length - rest.length - (after.includes('.') ? 1 : 0);
    groups.push(...Array.from({ length: missing }, () => '0'), ...rest);
  }
  return `${groups.slice(0, 4).join(':')}::/64`;
}

/** An IPv4 address that a dual-stack socket reports in the form of IPv6 (RFC 4291 §2.5.5.2). */
export function unmapped(address: string): string {
  return address.replace(/^::ffff:(?=\d+\.)/i, '');
}
