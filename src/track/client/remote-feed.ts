// A client's knowledge of its feed process: where the feed stands, and what the names in statements mean.
//
// All of it is older than the truth. An older mark costs another look at the changes since; statements are analysed by
// one catalogue, and the process refuses those that were analysed by another than its own.

import type { FeedPosition } from '../../dependency/change.ts';
import type { Dialect, Template } from '../../dependency/template.ts';
import { TidegateError } from '../../errors.ts';
import type { Clock, FeedStatus } from '../../ports.ts';
import type { Catalogue, CatalogueData, Parser, Session } from '../../sql/ast.ts';
import { catalogueOf } from '../../sql/catalogue.ts';
import { Templates } from '../../sql/templates.ts';
import type { RemoteMark } from '../server/process-registration.ts';
import type { Hello, ProcessState } from '../server/process-wire.ts';

interface Known {
  readonly hello: Hello;
  readonly parser: Parser;
  templates: Templates | undefined;
  catalogue: Catalogue | undefined;
  /** Generation of the catalogue, as the process counts. */
  generation: number;
  state: ProcessState | undefined;
}

export class RemoteFeed {
  readonly #clock: Clock;
  readonly #maxTemplates: number | undefined;
  #known: Known | undefined;
  #generation = 0;
  #heardAt = Number.NEGATIVE_INFINITY;

  constructor(clock: Clock, maxTemplates: number | undefined) {
    this.#clock = clock;
    this.#maxTemplates = maxTemplates;
  }

  /** A process is there, perhaps another one than before. */
  greeted(hello: Hello, parser: Parser): void {
    const before = this.#known;
    const isSame = before?.hello.session === hello.session;
    this.#known = isSame
      ? { ...before, hello, parser }
      : { hello, parser, templates: undefined, catalogue: undefined, generation: -1, state: undefined };
    if (!isSame) this.#generation++;
  }

  /** `data` is undefined when the names mean what they did, though not what they meant in between. */
  learned(generation: number, data: CatalogueData | undefined): void {
    const known = this.#known;
    if (known === undefined) return;
    known.generation = generation;
    this.#generation++;
    if (data === undefined) return;
    const { dialect, pureFunctions } = known.hello;
    known.catalogue = catalogueOf(data);
    const { parser, catalogue } = known;
    const parts = { dialect, parser, catalogue, pureFunctions: new Set(pureFunctions) };
    const bound = this.#maxTemplates === undefined ? {} : { maxTemplates: this.#maxTemplates };
    known.templates = new Templates(parts, bound);
  }

  /** Takes a state from the stream, which shows that the process goes on telling. */
  heard(state: ProcessState): void {
    this.#heardAt = this.#clock.monotonic();
    this.noted(state);
  }

  /** Takes a state from anywhere; ignores one that is older than the known one. */
  noted(state: ProcessState): void {
    const known = this.#known;
    if (known === undefined || state.session !== known.hello.session) return;
    if (known.state === undefined || state.turn > known.state.turn) known.state = state;
  }

  get session(): string | undefined {
    return this.#known?.hello.session;
  }

  get leaseMs(): number | undefined {
    return this.#known?.hello.leaseMs;
  }

  get dialect(): Dialect | undefined {
    return this.#known?.hello.dialect;
  }

  get parser(): Parser | undefined {
    return this.#known?.parser;
  }

  /** Since its last word. */
  get silentMs(): number {
    return this.#clock.monotonic() - this.#heardAt;
  }

  get isLive(): boolean {
    const { hello, state } = this.#known ?? {};
    return hello !== undefined && state?.isLive === true && this.silentMs < hello.leaseMs;
  }

  get isRefreshing(): boolean {
    const { state, generation } = this.#known ?? {};
    return state === undefined || state.isRefreshing || state.generation !== generation;
  }

  /** Differs also where another process counts the same. */
  get generation(): number {
    return this.#generation;
  }

  get position(): FeedPosition | undefined {
    return this.#known?.state?.position;
  }

  get instances(): number {
    return this.#known?.state?.instances ?? 0;
  }

  get feed(): FeedStatus | undefined {
    return this.#known?.state?.feed;
  }

  mark(): RemoteMark | undefined {
    const { state, templates, generation } = this.#known ?? {};
    if (state === undefined || templates === undefined || generation === undefined) return undefined;
    const { session, position, gaps } = state;
    return { session, position, gaps, seen: undefined, generation };
  }

  get catalogue(): Catalogue | undefined {
    return this.#known?.catalogue;
  }

  template(text: string, session?: Session): Template {
    const templates = this.#known?.templates;
    // There is a mark before there is a statement.
    if (templates === undefined) throw new TidegateError('E_FEED', 'expected a catalogue, got none yet');
    return templates.get(text, session);
  }
}
