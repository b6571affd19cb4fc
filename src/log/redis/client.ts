// What is used of a client of Redis or Valkey that the program brings: node-redis (its `createClient`) or ioredis.

import { hash } from 'node:crypto';
import { expected, messageOf, TidegateError } from '../../errors.ts';
import { has } from '../../options/kit.ts';

/** node-redis, connected. */
export interface NodeRedisClient {
  sendCommand(args: string[]): Promise<unknown>;
  duplicate(): {
    connect(): Promise<unknown>;
    on(event: 'error', listener: (error: unknown) => void): unknown;
    subscribe(channel: string, listener: (message: string) => void): Promise<unknown>;
    destroy(): void;
  };
}

/** ioredis. */
export interface IoRedisClient {
  call(command: string, ...args: string[]): Promise<unknown>;
  duplicate(): {
    on(event: 'error', listener: (error: unknown) => void): unknown;
    on(event: 'message', listener: (channel: string, message: string) => void): unknown;
    subscribe(channel: string): Promise<unknown>;
    disconnect(): void;
  };
}

export type RedisClient = NodeRedisClient | IoRedisClient;

/** Calls of the engine. */
export interface Engine {
  /** Rejects with E_LOG. */
  run(command: string, ...args: string[]): Promise<unknown>;
  /** Runs the script, which the engine knows by its hash after the first time. Rejects with E_LOG. */
  script(text: string, keys: readonly string[], args: readonly string[]): Promise<unknown>;
  /** Hears messages of the channel on a connection of its own, until the result is called. Some may be lost with a connection. */
  subscribe(channel: string, hear: (message: string) => void): Promise<() => void>;
}

/** Throws E_CONFIG. `fault`: hears of errors of the connection for messages. */
export function engineOf(client: unknown, fault: (error: unknown) => void): Engine {
  if (has(client, 'call', 'duplicate')) return ioRedis(client as unknown as IoRedisClient, fault);
  if (has(client, 'sendCommand', 'duplicate')) return nodeRedis(client as unknown as NodeRedisClient, fault);
  return expected('E_CONFIG', 'client to be one of node-redis or ioredis', client);
}

function nodeRedis(client: NodeRedisClient, fault: (error: unknown) => void): Engine {
  return {
    ...calls((args) => client.sendCommand([...args])),
    subscribe: async (channel, hear) => {
      const own = client.duplicate();
      own.on('error', fault);
      await told(() => own.connect());
      await told(() => own.subscribe(channel, hear)).catch((error: unknown) => {
        own.destroy();
        throw error;
      });
      return () => own.destroy();
    },
  };
}

function ioRedis(client: IoRedisClient, fault: (error: unknown) => void): Engine {
  return {
    ...calls(([command, ...args]) => client.call(command, ...args)),
    subscribe: async (channel, hear) => {
      const own = client.duplicate();
      own.on('error', fault);
      own.on('message', (_, message) => hear(message));
      await told(() => own.subscribe(channel)).catch((error: unknown) => {
        own.disconnect();
        throw error;
      });
      return () => own.disconnect();
    },
  };
}

type Command = readonly [command: string, ...args: string[]];

function calls(send: (command: Command) => Promise<unknown>): Pick<Engine, 'run' | 'script'> {
  return {
    run: (...command) => told(() => send(command)),
    script: (text, keys, args) => {
      const rest = [String(keys.length), ...keys, ...args];
      return told(async () => {
        try {
          return await send(['EVALSHA', sha1(text), ...rest]);
        } catch (error) {
          if (!messageOf(error).startsWith('NOSCRIPT')) throw error;
          return send(['EVAL', text, ...rest]);
        }
      });
    },
  };
}

const hashes = new Map<string, string>();

function sha1(text: string): string {
  const known = hashes.get(text) ?? hash('sha1', text, 'hex');
  hashes.set(text, known);
  return known;
}

async function told<T>(call: () => Promise<T>): Promise<T> {
  try {
    return await call();
  } catch (error) {
    throw new TidegateError('E_LOG', `the engine of the log: ${messageOf(error)}`, { cause: error });
  }
}
