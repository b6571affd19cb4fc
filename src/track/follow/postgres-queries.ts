// One connection for questions to a database of PostgreSQL, made again when it has ended.

import type { ConnectPostgres, PostgresSession } from '../../feed/postgres/session.ts';

type RowObject = Readonly<Record<string, unknown>>;

export class Queries {
  readonly #connect: ConnectPostgres;
  #session: Promise<PostgresSession> | undefined;

  constructor(connect: ConnectPostgres) {
    this.#connect = connect;
  }

  session(): Promise<PostgresSession> {
    if (this.#session === undefined) {
      const opened = this.#connect('queries');
      this.#session = opened;
      const forget = () => {
        if (this.#session === opened) this.#session = undefined;
      };
      opened.then((session) => session.ended.then(forget), forget);
    }
    return this.#session;
  }

  readonly run = async (sql: string, parameters: readonly unknown[]): Promise<readonly RowObject[]> =>
    (await this.session()).query(sql, parameters);

  async close(): Promise<void> {
    const opened = this.#session;
    this.#session = undefined;
    await (await opened?.catch(() => undefined))?.close();
  }
}
