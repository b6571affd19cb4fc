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

/** The name of the channel. */
export const CACHE_CHANNEL = 'tidegate:cache';

/** A message of the channel: one event, with the name of its cache. */
export type CacheMessage = ValueEvent & { readonly cache: string };

interface Channel {
  readonly hasSubscribers: boolean;
  publish(message: unknown): void;
}

/** Tells the channel and `debug` of each event. Undefined if neither exists. `fault` gets the errors of the program's function. */
export function watchOf(
  cache: string,
  debug: CacheOptions['debug'],
  fault: (error: unknown) => void,
): ValueWatch | undefined {
  const { process } = globalThis as Platform;
  const channel = process?.getBuiltinModule?.('node:diagnostics_channel')?.channel(CACHE_CHANNEL);
  if (!debug) return channel && new CacheWatch(cache, channel, undefined);
  const print = debug === true ? (line: string) => (globalThis as Platform).console?.debug?.(line) : debug;
  return new CacheWatch(cache, channel, (event) => {
    try {
      print(oneLine(`${cache}: ${textOf(event)}`));
    } catch (error) {
      fault(error);
    }
  });
}

/** A class, since a getter of a prototype costs a hit less than one of an object. */
class CacheWatch implements ValueWatch {
  readonly #cache: string;
  readonly #channel: Channel | undefined;
  readonly #print: ((event: ValueEvent) => void) | undefined;

  constructor(cache: string, channel: Channel | undefined, print: ((event: ValueEvent) => void) | undefined) {
    this.#cache = cache;
    this.#channel = channel;
    this.#print = print;
  }

  get isOn(): boolean {
    return this.#print !== undefined || this.#channel?.hasSubscribers === true;
  }

  told(event: ValueEvent): void {
    if (this.#channel?.hasSubscribers === true) {
      this.#channel.publish({ cache: this.#cache, ...event } satisfies CacheMessage);
    }
    this.#print?.(event);
  }
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

/** Without what would end the line, or turn it around. Marks of the cache's own are shown as spaces. */
function oneLine(text: string): string {
  const line = text.replaceAll(MARK, ' ').replace(/[\p{Cc}\p{Cf}\u2028\u2029]/gu, '\ufffd');
  return line.length > 500 ? `${line.slice(0, 500)}…` : line;
}
