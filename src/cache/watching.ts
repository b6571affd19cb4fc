// Events of caches for observers: the diagnostics channel `tidegate:cache`, and lines of text for debugging.
//
// The main entry loads no platform. Node, Deno and Workers hand their built-in modules to whoever asks at run time; where they
// do not, there is no channel. Keys, tags and messages may hold anything, and a line is one line.

import type { ValueEvent, ValueWatch } from '../engine/values/value-contract.ts';
import { messageOf } from '../errors.ts';
import type { Selector } from '../ledger/selector.ts';
import type { CacheOptions } from './contract.ts';
import { KEY_TAG, MARK } from './keys/key-space.ts';

interface Platform {
  readonly console?: { debug?(line: string): void };
  readonly process?: {
    getBuiltinModule?(name: string): { channel(name: string): Channel } | undefined;
  };
}

/** Tells the channel and `debug` of each event. Undefined if neither exists. `fault` gets the errors of the program's function. */
export function watchOf(
  cache: string,
  debug: CacheOptions['debug'],
  fault: (error: unknown) => void,
): ValueWatch | undefined {
  return bothWatches(channelWatch(cache), debugWatch(cache, debug, fault));
}

/** The name of the channel. */
export const CACHE_CHANNEL = 'tidegate:cache';

/** A message of the channel: one event, with the name of its cache. */
export type CacheMessage = ValueEvent & { readonly cache: string };

interface Channel {
  readonly hasSubscribers: boolean;
  publish(message: unknown): void;
}

/** Tells the channel of what happens in the cache; undefined: the platform has none. */
function channelWatch(cache: string): ValueWatch | undefined {
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

/** Prints each event; undefined: nobody asked for it. `fault`: told what the program's own function threw. */
function debugWatch(
  cache: string,
  debug: CacheOptions['debug'],
  fault: (error: unknown) => void,
): ValueWatch | undefined {
  const print = printerOf(debug);
  if (print === undefined) return undefined;
  return {
    isOn: true,
    told(event) {
      try {
        print(oneLine(`${cache}: ${textOf(event)}`));
      } catch (error) {
        fault(error);
      }
    },
  };
}

/** Both hear of it, each while it is on. */
function bothWatches(one: ValueWatch | undefined, other: ValueWatch | undefined): ValueWatch | undefined {
  if (one === undefined || other === undefined) return one ?? other;
  return {
    get isOn() {
      return one.isOn || other.isOn;
    },
    told(event) {
      if (one.isOn) one.told(event);
      if (other.isOn) other.told(event);
    },
  };
}

function printerOf(debug: CacheOptions['debug']): ((line: string) => void) | undefined {
  if (debug === undefined || debug === false) return undefined;
  if (typeof debug === 'function') return debug;
  return (line) => (globalThis as Platform).console?.debug?.(line);
}

function textOf(event: ValueEvent): string {
  switch (event.kind) {
    case 'hit':
      return event.tier === 'memory' ? `hit ${event.key}` : `hit ${event.key} in ${event.tier}`;
    case 'evict':
      return `evict ${event.key} from ${event.tier}`;
    case 'miss':
    case 'stale':
    case 'collapsed':
      return `${event.kind} ${event.key}`;
    case 'fill': {
      const end = `fill ${event.key} ${event.result} after ${Math.round(event.durationMs * 10) / 10} ms`;
      return event.result === 'failed' ? `${end}: ${messageOf(event.error)}` : end;
    }
    case 'set':
      return `set ${event.key} ${event.stored ? 'stored' : 'not stored'}`;
    case 'invalidate':
      return `${event.soft ? 'expire' : 'invalidate'} ${event.selectors.map(nameOf).join(', ')}`;
    case 'tier-fault':
      return `tier ${event.tier} fault: ${messageOf(event.error)}`;
    case 'tier-paused':
      return `tier ${event.tier} paused`;
    case 'tier-resumed':
      return `tier ${event.tier} asked again`;
  }
}

function nameOf(selector: Selector): string {
  switch (selector.kind) {
    case 'url':
      return `key ${selector.uri}`;
    case 'tag':
      if (selector.tag.startsWith(KEY_TAG)) return `every version of ${selector.tag.slice(KEY_TAG.length)}`;
      return `tag ${selector.tag}`;
    case 'prefix':
      return `prefix ${selector.prefix}`;
    case 'pattern':
      return `pattern ${selector.pattern}`;
    case 'origin':
      return `origin ${selector.origin}`;
    case 'all':
      return 'all';
  }
}

const LONGEST = 500;

/** Without what would end the line, or turn it around. Marks of the cache's own are shown as spaces. */
function oneLine(text: string): string {
  const line = text.replaceAll(MARK, ' ').replace(/[\p{Cc}\p{Cf}\u2028\u2029]/gu, '\ufffd');
  return line.length > LONGEST ? `${line.slice(0, LONGEST)}…` : line;
}
