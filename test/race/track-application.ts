// The application behind the gate: each URL names a kind of fill and a row, and is answered with the versions it read.
//
// One request for a URL goes step by step, and whoever asks for it meanwhile goes through at once.

import type { Client } from '@libsql/client';
import { eq } from 'drizzle-orm';
import { drizzle } from 'drizzle-orm/libsql';
import type { Forward, Origin, OriginListener, OriginRequest } from '../../src/ports.ts';
import { Forwarded } from '../kit/scripted-origin.ts';
import { SteppedClient } from './track-driver.ts';
import { fillOf } from './track-fills.ts';
import { ITEMS, NOTES, type TableName } from './track-shop.ts';
import type { Stops } from './track-steps.ts';
import type { TrackWorld } from './track-world.ts';

export class TrackApplication implements Origin {
  readonly #world: TrackWorld;
  readonly #stepped = new Map<string, Stops>();
  readonly #under: Serving[] = [];

  constructor(world: TrackWorld) {
    this.#world = world;
  }

  /** The next request for the path goes step by step. */
  step(path: string, stops: Stops): void {
    this.#stepped.set(path, stops);
  }

  forward(request: OriginRequest, listener: OriginListener): Forward {
    const forwarded = new Forwarded(request, listener);
    const { target } = request;
    const stops = this.#stepped.get(target);
    this.#stepped.delete(target);
    const serving: Serving = { forwarded, stops, isSent: false, isGone: false };
    if (stops !== undefined) this.#under.push(serving);
    this.#serve(serving).catch((error: unknown) => {
      this.#world.faults.push(error);
      forwarded.fail('E_ORIGIN_RESET');
    });
    return forwarded;
  }

  /** The process that answers step by step is gone, and what it had sent with it. */
  crash(): void {
    for (const one of this.#under.splice(0)) {
      // What has been sent whole arrives.
      if (one.isSent) continue;
      one.isGone = true;
      one.forwarded.fail('E_ORIGIN_RESET');
    }
  }

  /** The versions that a fill of the kind reads. */
  async read(kind: string, id: number, stops?: Stops): Promise<readonly number[]> {
    await stops?.stop();
    const versions = await this.#versions(kind, id, stops);
    await stops?.stop();
    return versions;
  }

  /** A transaction of the ORM that takes the row from version 1 to 2 in the tables, and its answer. */
  write(id: number, how: Write): Promise<Response> {
    return this.#handled(async () => {
      const db = this.#orm(how.stops);
      try {
        await db.transaction(async (tx) => {
          for (const table of how.tables.map((name) => (name === 'items' ? ITEMS : NOTES))) {
            await tx.update(table).set({ version: 2 }).where(eq(table.id, id));
          }
          if (how.rollsBack) throw new Error('never mind');
        });
      } catch (error) {
        if (!how.rollsBack) throw error;
      }
      return new Response('');
    }, 'PUT');
  }

  /** The same on the connection that all requests share. */
  writeShared(id: number, how: Write): Promise<Response> {
    return this.#handled(async () => {
      const db = this.#wrapped(this.#world.shop.shared);
      db.exec('BEGIN');
      await how.stops.stop();
      for (const table of how.tables) db.prepare(`UPDATE ${table} SET version = 2 WHERE id = ?`).run(id);
      await how.stops.stop();
      db.exec(how.rollsBack ? 'ROLLBACK' : 'COMMIT');
      return new Response('');
    }, 'PUT');
  }

  async #serve(serving: Serving): Promise<void> {
    const { forwarded, stops } = serving;
    const [, kind = '', id = ''] = decodeURIComponent(forwarded.request.target).split('/');
    const response = await this.#handled(() => this.#answer({ forwarded, kind, id: Number(id) }, stops), 'GET');
    const fields = [...response.headers].flat();
    if (serving.isGone) return;
    forwarded.head(response.status, fields, true);
    for await (const chunk of response.body ?? []) {
      if (!serving.isGone) forwarded.data(Buffer.from(chunk).toString());
    }
    serving.isSent = true;
    await stops?.stop();
    if (!serving.isGone) forwarded.end();
  }

  async #answer({ forwarded, kind, id }: Asked, stops: Stops | undefined): Promise<Response> {
    const headers = {
      'cache-control': fillOf(kind).isValidated === true ? 'max-age=1' : 'max-age=36000',
      ...(this.#world.isTracked ? {} : { 'cache-tag': `row-${id}` }),
    };
    if (fillOf(kind).isLate !== undefined) {
      // Of the head; else it would not be stored for that.
      if (this.#world.isTracked) this.#world.tracker.current()?.readsNothing();
      const body = this.#lateBody(kind, id, stops);
      if (fillOf(kind).isLate === 'begun') await stops?.stop();
      return new Response(body, { headers });
    }
    const text = JSON.stringify(await this.read(kind, id, stops));
    const etag = `"${text}"`;
    if (forwarded.field('if-none-match') === etag)
      return new Response(null, { status: 304, headers: { ...headers, etag } });
    return new Response(text, { headers: { ...headers, etag } });
  }

  /** A body that is read from the database once its head has gone out. */
  #lateBody(kind: string, id: number, stops: Stops | undefined): ReadableStream<Uint8Array> {
    const versions = this.#lateVersions(kind, id, stops);
    return new ReadableStream({
      async start(controller) {
        controller.enqueue(new TextEncoder().encode(JSON.stringify(await versions)));
        controller.close();
      },
    });
  }

  async #lateVersions(kind: string, id: number, stops: Stops | undefined): Promise<readonly number[]> {
    // Where there is nothing to wait for, the head goes out first all the same.
    if (stops !== undefined) await stops.stop();
    else if (fillOf(kind).isLate === true) for (let turn = 0; turn < 20; turn++) await undefined;
    return this.#versions(kind, id, stops);
  }

  #versions(kind: string, id: number, stops: Stops | undefined): Promise<readonly number[]> {
    const world = this.#world;
    const { read, isCached } = fillOf(kind);
    const client = this.#wrapped(new SteppedClient(world.shop, stops));
    const access = { id, client, orm: () => this.#orm(stops), shared: this.#wrapped(world.shop.shared) };
    if (isCached !== true || !world.isTracked) return read(access);
    return world.tracker.cached(world.cache, `${kind}:${id}`, { fill: () => read(access), ttl: '1h' });
  }

  #orm(stops: Stops | undefined) {
    return drizzle(this.#wrapped(new SteppedClient(this.#world.shop, stops)) as unknown as Client);
  }

  #wrapped<T extends object>(driver: T): T {
    return this.#world.isTracked ? this.#world.tracker.wrap(driver) : driver;
  }

  #handled(handler: () => Promise<Response>, method: string): Promise<Response> {
    const request = new Request('http://shop.example/', { method });
    return this.#world.isTracked ? this.#world.tracker.fetch(handler)(request) : handler();
  }
}

/** One answer under way. */
interface Serving {
  readonly forwarded: Forwarded;
  readonly stops: Stops | undefined;
  isSent: boolean;
  isGone: boolean;
}

interface Asked {
  readonly forwarded: Forwarded;
  readonly kind: string;
  readonly id: number;
}

export interface Write {
  readonly tables: readonly TableName[];
  readonly rollsBack: boolean;
  /** One before it begins, unless the connection is shared; one before it writes, one before it ends. */
  readonly stops: Stops;
}
