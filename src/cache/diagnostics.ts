// What happens in caches, for whoever subscribes to the diagnostics channel `tidegate:cache`.
//
// The main entry loads no platform. Node, Deno and Workers hand their built-in modules to whoever
// asks at run time; where they do not, there is no channel.

import type { ValueEvent, ValueWatch } from '../engine/values/value-contract.ts';

/** The name of the channel. */
export const CACHE_CHANNEL = 'tidegate:cache';

/** What the channel carries: an event of a cache, by the cache's name. */
export type CacheMessage = ValueEvent & { readonly cache: string };

interface Channel {
  readonly hasSubscribers: boolean;
  publish(message: unknown): void;
}

interface Platform {
  readonly process?: {
    getBuiltinModule?(name: string): { channel(name: string): Channel } | undefined;
  };
}

/** Tells the channel of what happens in the cache; undefined: the platform has none. */
export function channelWatch(cache: string): ValueWatch | undefined {
  const { process } = globalThis as Platform;
  const channel = process?.getBuiltinModule?.('node:diagnostics_channel')?.channel(CACHE_CHANNEL);
  return channel && new ChannelWatch(channel, cache);
}

/** A class, since a getter of a prototype costs a hit less than one of an object. */
class ChannelWatch implements ValueWatch {
  readonly #channel: Channel;
  readonly #cache: string;

  constructor(channel: Channel, cache: string) {
    this.#channel = channel;
    this.#cache = cache;
  }

  get isOn(): boolean {
    return this.#channel.hasSubscribers;
  }

  told(event: ValueEvent): void {
    this.#channel.publish({ cache: this.#cache, ...event } satisfies CacheMessage);
  }
}
