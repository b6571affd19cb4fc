// The KV of one data centre: the one real KV behind a cache that keeps what it has read, and that nothing was there, for a while,
// the data centre's own writes notwithstanding (developers.cloudflare.com/kv/concepts/how-kv-works).

import { WorkerEntrypoint } from 'cloudflare:workers';
import type { KvNamespace } from '../../../src/store/kv/kv-store.ts';

interface Env {
  readonly KV: KvNamespace;
  readonly CONTROL: { fetch(url: string): Promise<unknown> };
  readonly LAG_MS: number;
}

type Value = Uint8Array | undefined;

const seen = new Map<string, { readonly untilMs: number; readonly value: Value }>();

export class LaggingKv extends (WorkerEntrypoint as new (ctx: unknown, env: Env) => { readonly env: Env }) {
  async get(asked: string | string[], type: string): Promise<unknown> {
    if (typeof asked === 'string') return inForm(await this.#read(asked), type);
    const values = asked.map(async (name) => [name, inForm(await this.#read(name), type)] as const);
    return new Map(await Promise.all(values));
  }

  put(...given: Parameters<KvNamespace['put']>): Promise<void> {
    return this.env.KV.put(...given);
  }

  delete(name: string): Promise<void> {
    return this.env.KV.delete(name);
  }

  list(options: Parameters<KvNamespace['list']>[0]): ReturnType<KvNamespace['list']> {
    return this.env.KV.list(options);
  }

  async #read(name: string): Promise<Value> {
    const { KV, CONTROL, LAG_MS } = this.env;
    const stored = await KV.get(name, 'arrayBuffer');
    const value = stored === null ? undefined : new Uint8Array(stored);
    const known = seen.get(name);
    if (known === undefined || known.untilMs <= Date.now()) {
      seen.set(name, { untilMs: Date.now() + LAG_MS, value });
      return value;
    }
    if (String(known.value) !== String(value)) {
      await CONTROL.fetch(`http://control/happened/${known.value === undefined ? 'cached negatives' : 'lagged reads'}`);
    }
    return known.value;
  }
}

function inForm(value: Value, type: string): unknown {
  if (value === undefined) return null;
  return type === 'text' ? new TextDecoder().decode(value) : value.slice().buffer;
}

export default { fetch: () => new Response(null, { status: 404 }) };
