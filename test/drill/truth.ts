// Every version that was ever committed, with the time of its commit, and what each URL had to show from then on.
//
// A commit came to pass between its sending and its answer, and commits have an order: so
// each is bounded by those before and after it, too. An answer of which that is not certain is never found fault with.

import { isSchemaOp, Model } from './model.ts';
import { expectedText, URLS } from './queries.ts';
import type { Transaction } from './transactions.ts';

/** The same clock in all processes of the machine. */
export function nowMs(): number {
  return Number(process.hrtime.bigint()) / 1e6;
}

interface Known extends Transaction {
  sentMs: number;
  returnedMs: number;
}

interface Commit {
  /** Not before. */
  readonly firstMs: number;
  /** Not after; filled from the end. */
  lastMs: number;
  readonly isSchema: boolean;
}

interface Version {
  readonly from: number;
  readonly text: string;
}

/** Of the versions that a URL had, the latest that an answer can be. */
export interface Matched {
  /** The commit that replaced it; undefined: none did. */
  readonly replacedBy: number | undefined;
}

export interface LedgerRow {
  readonly n: number;
  readonly tx: number;
}

export class Truth {
  readonly #model = new Model();
  readonly #transactions = new Map<number, Known>();
  /** Commit n is at n; 0 is the empty database. */
  readonly #commits: Commit[] = [{ firstMs: 0, lastMs: 0, isSchema: false }];
  readonly #numbers = new Map<number, number>();
  readonly #versions = new Map<string, Version[]>();
  readonly #acknowledged: { readonly atMs: number; readonly tx: number }[] = [];
  #ids = 0;
  #rowVersions = 0;

  constructor() {
    for (const url of URLS) this.#versions.set(url, [{ from: 0, text: expectedText(this.#model, url) }]);
  }

  get model(): Model {
    return this.#model;
  }

  get commits(): number {
    return this.#commits.length - 1;
  }

  nextVersion(): number {
    return ++this.#rowVersions;
  }

  /** Before any of it is sent. */
  begin(ops: Transaction['ops']): Transaction {
    const transaction = { id: ++this.#ids, ops };
    const never = Number.POSITIVE_INFINITY;
    this.#transactions.set(transaction.id, { ...transaction, sentMs: nowMs(), returnedMs: never });
    return transaction;
  }

  /** The COMMIT goes out now. */
  sent({ id }: Transaction): void {
    (this.#transactions.get(id) as Known).sentMs = nowMs();
  }

  returned({ id }: Transaction, atMs = nowMs()): void {
    (this.#transactions.get(id) as Known).returnedMs = atMs;
  }

  /** A client's write was answered, and nothing said that some may still see what was before. */
  acknowledge({ id }: Transaction): void {
    this.#acknowledged.push({ atMs: nowMs(), tx: id });
  }

  /** What the database has written down, from the first number on that is not known here. */
  learn(rows: readonly LedgerRow[]): void {
    for (const { n, tx } of rows) {
      const known = this.#transactions.get(tx);
      if (known === undefined || n !== this.#commits.length) {
        throw new Error(`expected commit ${this.#commits.length} of a transaction of this run, got ${n} of ${tx}`);
      }
      for (const op of known.ops) this.#model.apply(op);
      this.#numbers.set(tx, n);
      const firstMs = Math.max(known.sentMs, (this.#commits.at(-1) as Commit).firstMs);
      this.#commits.push({ firstMs, lastMs: known.returnedMs, isSchema: known.ops.some(isSchemaOp) });
      for (const [url, versions] of this.#versions) {
        const text = expectedText(this.#model, url);
        if (text !== versions.at(-1)?.text) versions.push({ from: n, text });
      }
    }
    let last = nowMs();
    for (let n = this.#commits.length - 1; n > this.#commits.length - 1 - rows.length; n--) {
      const commit = this.#commits[n] as Commit;
      last = commit.lastMs = Math.min(last, commit.lastMs);
    }
  }

  /** The latest commit that had certainly come to pass. */
  certainAt(atMs: number): number {
    return this.#last(({ lastMs }) => lastMs <= atMs);
  }

  /** The latest that may have. */
  possibleAt(atMs: number): number {
    return this.#last(({ firstMs }) => firstMs <= atMs);
  }

  certainMs(n: number): number {
    return (this.#commits[n] as Commit).lastMs;
  }

  isSchema(n: number): boolean {
    return (this.#commits[n] as Commit).isSchema;
  }

  /** The latest commit whose acknowledgement somebody had by then. */
  acknowledgedAt(atMs: number): number {
    let latest = 0;
    for (const ack of this.#acknowledged) {
      if (ack.atMs <= atMs) latest = Math.max(latest, this.#numbers.get(ack.tx) ?? 0);
    }
    return latest;
  }

  /** Acknowledgements before the latest say nothing more. */
  forgetAcknowledged(): void {
    const latest = this.#acknowledged.toSorted(
      (one, other) => (this.#numbers.get(one.tx) ?? 0) - (this.#numbers.get(other.tx) ?? 0),
    );
    this.#acknowledged.splice(0, this.#acknowledged.length, ...latest.slice(-1));
  }

  /** Undefined: the URL never had that content. */
  match(url: string, text: string, upTo: number): Matched | undefined {
    const versions = this.#versions.get(url) ?? [];
    for (let at = versions.length - 1; at >= 0; at--) {
      const version = versions[at] as Version;
      if (version.from <= upTo && version.text === text) return { replacedBy: versions[at + 1]?.from };
    }
    return undefined;
  }

  #last(isSo: (commit: Commit) => boolean): number {
    let low = 0;
    let high = this.#commits.length;
    while (high - low > 1) {
      const middle = (low + high) >> 1;
      if (isSo(this.#commits[middle] as Commit)) low = middle;
      else high = middle;
    }
    return low;
  }
}
