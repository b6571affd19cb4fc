// Values of data caches in Redis or Valkey, as a slower tier that several processes share: the others need not fill what one of them has
// stored. The reader's log says whether a value may still be served, so the engine may lose, evict and delay what it likes.

import { expected } from '../errors.ts';
import { LOG_NAME, LOG_NAME_FORM } from '../log/redis/terms.ts';
import { anything, be, type Checks, checkOptions, has, required } from '../options/kit.ts';
import type { ByteStore } from '../ports.ts';

type Argument = string | Buffer;

/** A connected client of node-redis, as far as this store asks it. */
export interface NodeRedisStoreClient {
  withTypeMapping(mapping: { readonly [type: number]: typeof Buffer }): {
    sendCommand(args: Argument[]): Promise<unknown>;
  };
}

/** A client of ioredis, as far as this store asks it. */
export interface IoRedisStoreClient {
  callBuffer(command: string, ...args: Argument[]): Promise<unknown>;
}

export interface RedisStoreOptions {
  /** The caller connects it, hears its errors and closes it. May be that of the log, or one of another instance, which may evict. */
  readonly client: NodeRedisStoreClient | IoRedisStoreClient;
  /** Caches with stores of one name share values. Default `default`. */
  readonly name?: string;
}

const OPTIONS: Checks<RedisStoreOptions> = {
  client: required(anything),
  name: be(LOG_NAME_FORM, (name) => LOG_NAME.test(String(name))),
};

/** Replies of this type come as bytes; of RESP, `$`. */
const BLOB_STRING = 36;
const MOST_SCANNED = '500';
/** What is to live longer has no end in the engine. */
const MAX_TTL_MS = 10 * 365 * 86_400_000;

/**
 * A store of bytes for `storeTier`. Its values serve other processes, and the same one after a restart, only where the cache has a
 * `log` of `openRedisLog`. Throws E_CONFIG.
 */
export function redisStore(options: RedisStoreOptions): ByteStore {
  const { name = 'default' } = checkOptions<RedisStoreOptions>('redisStore', options, OPTIONS);
  const run = commandsOf(options.client);
  const prefix = `tidegate-values:${name}:`;
  return {
    get: async (key) => {
      const found = await run('GET', prefix + key);
      return found instanceof Uint8Array ? found : undefined;
    },
    put: async (key, bytes, { ttlMs }) => {
      const lifetime = ttlMs >= MAX_TTL_MS ? [] : ['PX', String(Math.max(1, Math.ceil(ttlMs)))];
      await run('SET', prefix + key, Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength), ...lifetime);
    },
    // One by one, since they may be on several nodes.
    delete: async (keys) => {
      const removed = await Promise.all(keys.map((key) => run('UNLINK', prefix + key)));
      return removed.reduce<number>((sum, count) => sum + Number(count), 0);
    },
    keys: () => scanned(run, prefix),
  };
}

type Run = (command: string, ...args: Argument[]) => Promise<unknown>;

/** Throws E_CONFIG. */
function commandsOf(client: unknown): Run {
  if (has(client, 'callBuffer')) {
    const ioRedis = client as unknown as IoRedisStoreClient;
    return (command, ...args) => ioRedis.callBuffer(command, ...args);
  }
  if (has(client, 'withTypeMapping')) {
    const nodeRedis = (client as unknown as NodeRedisStoreClient).withTypeMapping({ [BLOB_STRING]: Buffer });
    return (command, ...args) => nodeRedis.sendCommand([command, ...args]);
  }
  return expected('E_CONFIG', 'client to be one of node-redis or ioredis', client);
}

/** The keys of one node; a key may come twice while the engine grows. */
async function* scanned(run: Run, prefix: string): AsyncGenerator<string> {
  const pattern = `${prefix.replace(/[\\*?[\]^-]/g, '\\$&')}*`;
  let cursor = '0';
  do {
    const [next, keys] = (await run('SCAN', cursor, 'MATCH', pattern, 'COUNT', MOST_SCANNED)) as [Buffer, Buffer[]];
    cursor = next.toString();
    for (const key of keys) yield key.toString().slice(prefix.length);
  } while (cursor !== '0');
}
