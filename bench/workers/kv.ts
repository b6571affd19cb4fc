// Workers KV as it usually is (developers.cloudflare.com/kv/concepts/how-kv-works): a data centre keeps what it has read, also
// that nothing was there, for a minute, whatever is written elsewhere; what it writes itself it sees at once. The KV of
// the tests is as bad as the real one may be, which would tell little of costs.

import type { World } from '../../test/workers/platform/world.ts';

const KEPT_MS = 60_000;

type Value = { readonly bytes: Uint8Array; readonly metadata?: unknown } | undefined;

/** Gives the binding of each data centre. */
export function kvOf(world: World): (place: string) => unknown {
  const kv = new LaggingKv(world);
  return (place) => ({
    get: (key: string | readonly string[], type = 'text') =>
      world.call('KV get', () => {
        if (typeof key === 'string') return inForm(kv.get(place, key), type);
        return new Map(key.map((one) => [one, inForm(kv.get(place, one), type)]));
      }),
    put: (key: string, value: string | Uint8Array, { metadata }: { readonly metadata?: unknown } = {}) =>
      world.call('KV put', () => kv.write(place, key, { bytes: bytesOf(value), metadata })),
    delete: (key: string) => world.call('KV delete', () => kv.write(place, key, undefined)),
    list: ({ prefix }: { readonly prefix: string }) => world.call('KV list', () => kv.list(prefix)),
  });
}

class LaggingKv {
  readonly #world: World;
  readonly #central = new Map<string, Value>();
  readonly #read = new Map<string, { readonly value: Value; readonly until: number }>();

  constructor(world: World) {
    this.#world = world;
  }

  get(place: string, key: string): Value {
    const known = this.#read.get(`${place} ${key}`);
    if (known !== undefined && known.until > this.#world.now) return known.value;
    const value = this.#central.get(key);
    this.#remember(place, key, value);
    return value;
  }

  write(place: string, key: string, value: Value): void {
    this.#central.set(key, value);
    this.#remember(place, key, value);
  }

  list(prefix: string): object {
    const there = [...this.#central].filter(([key, value]) => value !== undefined && key.startsWith(prefix));
    const keys = there.map(([name, value]) => ({
      name,
      ...(value?.metadata !== undefined && { metadata: value.metadata }),
    }));
    return { keys, list_complete: true };
  }

  #remember(place: string, key: string, value: Value): void {
    this.#read.set(`${place} ${key}`, { value, until: this.#world.now + KEPT_MS });
  }
}

function bytesOf(value: string | Uint8Array): Uint8Array {
  return typeof value === 'string' ? new TextEncoder().encode(value) : value.slice();
}

function inForm(value: Value, type: string): unknown {
  if (value === undefined) return null;
  if (type === 'arrayBuffer') return value.bytes.slice().buffer;
  const text = new TextDecoder().decode(value.bytes);
  return type === 'json' ? (JSON.parse(text) as unknown) : text;
}
