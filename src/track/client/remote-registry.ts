// The registry of a feed process, as its client knows it: where the feed stands, and what the names in statements mean.
//
// All of it is older than the truth. An older mark costs another look at the changes since; statements are analysed by
// one catalogue, and the process refuses those that were analysed by another than its own.

import type { FeedPosition } from '../../dependency/change.ts';
import type { Dialect, Template } from '../../dependency/template.ts';
import { TidegateError } from '../../errors.ts';
import type { Clock, Eventually } from '../../ports.ts';
import { Templates } from '../../sql/analyse.ts';
import type { Catalogue, CatalogueData, Parser, Session } from '../../sql/ast.ts';
import { catalogueOf } from '../../sql/catalogue.ts';
import type { Mark, Read, ReadRefusal, RegistryClient } from '../follow/registry-client.ts';
import { encodeRegistration, type FeedState, type Hello } from '../server/feed-wire.ts';
import type { ClientCaches } from './client-caches.ts';
import type { ReportSender } from './report-sender.ts';

export interface RemoteRegistryParts {
  readonly clock: Clock;
  readonly maxTemplates: number | undefined;
  readonly reports: ReportSender;
  readonly caches: ClientCaches;
}

export class RemoteRegistry implements RegistryClient {
  readonly isRemote = true;
  readonly publish: RegistryClient['publish'] = (tags) => this.#parts.reports.publish(tags);
  readonly published: RegistryClient['published'] = () => this.#parts.reports.published();
  readonly wake: RegistryClient['wake'] = () => this.#parts.reports.wrote();
  parser: Parser;
  hello: Hello;
  state: FeedState | undefined;
  /** Differs also where another process counts the same. */
  generation = 0;
  readonly #parts: RemoteRegistryParts;
  /** `generation`: as the process counts. */
  #known: { readonly generation: number; readonly catalogue: Catalogue; readonly templates: Templates } | undefined;
  #heardAt = Number.NEGATIVE_INFINITY;

  constructor(parts: RemoteRegistryParts, hello: Hello, parser: Parser) {
    this.#parts = parts;
    this.hello = hello;
    this.parser = parser;
  }

  /** Connected again, perhaps to another process than before. */
  greeted(hello: Hello, parser: Parser): void {
    const isSame = this.session === hello.session;
    this.hello = hello;
    this.parser = parser;
    if (isSame) return;
    this.state = undefined;
    this.#known = undefined;
    this.generation++;
  }

  /** `data` is undefined when the names mean what they did, though not what they meant in between. */
  learned(generation: number, data: CatalogueData | undefined): void {
    this.generation++;
    if (data === undefined) {
      this.#known = this.#known && { ...this.#known, generation };
      return;
    }
    const { dialect, pureFunctions } = this.hello;
    const catalogue = catalogueOf(data);
    const parts = { dialect, parser: this.parser, catalogue, pureFunctions: new Set(pureFunctions) };
    this.#known = { generation, catalogue, templates: new Templates(parts, this.#parts) };
  }

  /** Takes a state; ignores one that is older than the known one. `isTold`: the process goes on telling by itself. */
  noted(state: FeedState, isTold = false): void {
    if (isTold) this.#heardAt = this.#parts.clock.monotonic();
    if (state.session !== this.session) return;
    if (this.state === undefined || state.turn > this.state.turn) this.state = state;
  }

  get session(): string {
    return this.hello.session;
  }

  get dialect(): Dialect {
    return this.hello.dialect;
  }

  get silentMs(): number {
    return this.#parts.clock.monotonic() - this.#heardAt;
  }

  get isLive(): boolean {
    return this.state?.isLive === true && this.silentMs < this.hello.leaseMs && this.#parts.caches.isLeased;
  }

  get isRefreshing(): boolean {
    const { state } = this;
    return state === undefined || state.isRefreshing || state.generation !== this.#known?.generation;
  }

  get position(): FeedPosition | undefined {
    return this.state?.position;
  }

  get catalogue(): Catalogue | undefined {
    return this.#known?.catalogue;
  }

  mark(): Mark | undefined {
    if (this.state === undefined || this.#known === undefined) return undefined;
    const { session, position, gaps } = this.state;
    return { session, position, gaps, seen: undefined, generation: this.#known.generation };
  }

  template(text: string, session?: Session): Template {
    // There is a mark before there is a statement.
    if (this.#known === undefined) throw new TidegateError('E_FEED', 'expected a catalogue, got none yet');
    return this.#known.templates.get(text, session);
  }

  register(tag: string, read: Read, mark: Mark): Eventually<ReadRefusal | undefined> {
    if (!this.isLive || mark.session !== this.session) return { kind: 'not-registered' };
    return this.#parts.reports.register(encodeRegistration(tag, read, mark));
  }
}
