// Values come back as they went in, from every tier, and nobody can change what is stored.

import { createCache } from 'tidegate';
import { storeTier } from 'tidegate/store';
import { MapByteStore } from './own-tier.ts';

class Money {
  readonly cents: bigint;

  constructor(cents: bigint) {
    this.cents = cents;
  }
}

const money = {
  name: 'money',
  matches: (value: object) => value instanceof Money,
  toPlain: (value: object) => (value as Money).cents,
  fromPlain: (plain: unknown) => new Money(plain as bigint),
};

const tiers = [storeTier({ name: 'map', store: new MapByteStore() })];
const cache = createCache({ memory: false, tiers, classes: [money] });

await cache.set('order:1', {
  at: new Date('2026-01-02T03:04:05Z'),
  id: 12345678901234567890n,
  lines: new Map([['lamp', new Set([1, 2])]]),
  image: Uint8Array.of(1, 2, 3),
  note: undefined,
  change: -0,
  total: new Money(1999n),
});
console.log(await cache.get('order:1'));

// What is not a value is refused, by its path.
try {
  await cache.set('order:2', { lines: [{ format: () => '' }] });
} catch (error) {
  console.log((error as Error).message);
}

// Plain objects and arrays are frozen, for all readers share them; change a copy.
await cache.set('user:7', { name: 'Ada', roles: ['editor'] });
const user = await cache.get<{ name: string; roles: string[] }>('user:7');
try {
  user?.roles.push('admin');
} catch (error) {
  console.log((error as Error).message);
}
console.log(user && { ...user, roles: [...user.roles, 'admin'] });
