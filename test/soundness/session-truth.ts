// What an answer is now to a session that is equal to the one that read it.
//
// The session may be another by now. So a connection of its own takes on what the session was when it
// read: its roles and settings. What is temporary cannot be taken on; then the session's twin is asked, while it is as it was.

import type { Texts } from './postgres-database.ts';
import type { Query } from './queries.ts';
import type { Plain } from './session-wires.ts';

const SETTINGS =
  `role search_path datestyle intervalstyle timezone extra_float_digits bytea_output row_security xmlbinary
  standard_conforming_strings transform_null_equals array_nulls client_encoding`.split(/\s+/);
const CAPTURE = `SELECT pg_catalog.json_build_array(
  EXISTS (SELECT FROM pg_catalog.pg_class WHERE relnamespace OPERATOR(pg_catalog.=) pg_catalog.pg_my_temp_schema()),
  session_user, ${SETTINGS.map((name) => `pg_catalog.current_setting('${name}')`).join(', ')})::pg_catalog.text`;
/** The user first: roles are of what he may. */
const TAKE_ON = `SELECT ${['session_authorization', ...SETTINGS].map((name, at) => `pg_catalog.set_config('${name}', $${at + 1}, false)`).join(', ')}`;

export interface State {
  /** Two sessions of one text are equal, but for what is temporary. */
  readonly text: string;
  readonly hasTemporary: boolean;
}

export async function stateOf(twin: Plain): Promise<State> {
  const [[text] = []] = await twin.ask({ text: CAPTURE, parameters: [] });
  return { text: String(text), hasTemporary: (JSON.parse(String(text)) as [boolean])[0] };
}

export class Truth {
  readonly #client: Plain;
  #state = '';

  /** A superuser's connection to the primary. */
  constructor(client: Plain) {
    this.#client = client;
  }

  /** Undefined: the server refuses. `twin`: of the session, where that alone can be asked. */
  async now(query: Query, state: State, twin: Plain | undefined): Promise<string | undefined> {
    try {
      if (twin === undefined) await this.#take(state);
      return shown(query, await (twin ?? this.#client).ask(query));
    } catch {
      return undefined;
    }
  }

  async #take({ text }: State): Promise<void> {
    if (this.#state === text) return;
    this.#state = '';
    await this.#client.send('DISCARD ALL');
    const [, ...values] = JSON.parse(text) as [boolean, ...string[]];
    await this.#client.ask({ text: TAKE_ON, parameters: values });
    this.#state = text;
  }
}

/** The answer as text, in which two are equal when the answers are. */
export function shown({ isOrdered }: Query, rows: Texts): string {
  const lines = rows.map((row) => row.map((value) => value ?? '\u0000').join('\u0001'));
  return (isOrdered ? lines : lines.sort()).join('\n');
}
