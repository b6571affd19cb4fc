// A codec of a program's own: what the default one writes, made smaller.

import { deflateRawSync, inflateRawSync } from 'node:zlib';
import { createCache } from 'tidegate';
import { createValueCodec, type OwnedCodec, storeTier } from 'tidegate/store';
import { MapByteStore } from './own-tier.ts';

class Money {
  readonly cents: number;

  constructor(cents: number) {
    this.cents = cents;
  }
}

const classes = [
  {
    name: 'money',
    matches: (value: object) => value instanceof Money,
    toPlain: (value: object) => (value as Money).cents,
    fromPlain: (plain: unknown) => new Money(plain as number),
  },
];

// What the default codec writes, made smaller. It is told of the classes, as the cache is.
const inner = createValueCodec({ classes });
const deflated: OwnedCodec = {
  name: `${inner.name}+deflate`,
  encode: (value) => deflateRawSync(inner.encode(value)),
  decode: (bytes) => inner.decode(inflateRawSync(bytes)),
};

const lines = Array.from({ length: 100 }, (_, id) => ({ id, name: 'lamp', price: new Money(1999), at: new Date(0) }));

async function bytesWith(codec: OwnedCodec): Promise<number> {
  const store = new MapByteStore();
  const cache = createCache({ memory: false, tiers: [storeTier({ name: 'map', store })], codec, classes });
  await cache.set('order:1', lines);
  console.log(codec.name, (await cache.get<typeof lines>('order:1'))?.[99]);
  return [...store.keys()].reduce((sum, key) => sum + (store.get(key)?.length ?? 0), 0);
}

const [plain, small] = [await bytesWith(inner), await bytesWith(deflated)];
console.log('less than a quarter of the bytes:', small < plain / 4);
