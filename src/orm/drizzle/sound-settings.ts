// What a statement leaves behind in its connection: settings by which later reads are answered otherwise, and temporary
// tables. A key knows of neither.
//
// The one complication: which connection it is. A pool gives any, and another program has others, so a setting that may
// change an answer is never undone here, and a temporary name stays one.

import { canonical } from './sound-draft.ts';
import type { SoundOptions } from './sound-options.ts';
import type { Dialect, Token } from './sound-text.ts';

/** Who sets it is told by the `role` of the options. */
const ROLE = 'role';
/** Told by their `schema`. */
const SEARCH_PATH = 'search_path';
/** A setting with a dot in its name, which policies read: told by their `tenant` or `role`. */
const OWN_SETTING = '*.*';
const UNKNOWN_SETTING = '*';

/** They change how an answer is found, or when it is given up, and not what it is. */
const HARMLESS_SETTING =
  /^(?:\w+_timeout|application_name|client_min_messages|log_\w+|\w+_mem|synchronous_commit|enable_\w+|\w+_cost|jit\w*|\w*parallel\w*|default_transaction_\w+|transaction|constraints|characteristics|effective_\w+|plan_cache_mode|geqo\w*|tcp_\w+)$/;
/** Of the pragmas of SQLite only these change answers. */
const PRAGMAS = new Set(['case_sensitive_like', 'temp_store', 'writable_schema']);
const SPELLINGS: Readonly<Record<string, string>> = {
  authorization: ROLE,
  role: ROLE,
  session_authorization: ROLE,
  schema: SEARCH_PATH,
  search_path: SEARCH_PATH,
};

/** Settings it changes for the statements that follow it, by name. */
export function settingsOf(tokens: readonly Token[], dialect: Dialect): readonly string[] {
  const [first, second, third] = tokens.map(({ text }) => text);
  if (dialect === 'sqlite') {
    const isChange = tokens.length > 2;
    return first === 'pragma' && isChange && tokens.some(({ text }) => PRAGMAS.has(text.toLowerCase()))
      ? [UNKNOWN_SETTING]
      : [];
  }
  if (first === 'discard') return second === 'all' ? [UNKNOWN_SETTING] : [];
  if (first === 'set' && second === 'local') return [];
  if (first === 'set' || first === 'reset') {
    const isSession = second === 'session' && third !== undefined;
    return named(isSession ? third : (second ?? ''), tokens[isSession ? 3 : 2]?.text === '.');
  }
  return tokens.flatMap((token, at) => (token.text.toLowerCase() === 'set_config' ? configured(tokens, at + 1) : []));
}

/** The options tell of it, so it is in the keys. */
export function isTold(setting: string, { schema, role, tenant }: SoundOptions): boolean {
  if (setting === SEARCH_PATH) return schema !== undefined;
  if (setting === ROLE) return role !== undefined;
  return setting === OWN_SETTING && (tenant !== undefined || role !== undefined);
}

function named(name: string, isOwn: boolean): readonly string[] {
  if (isOwn || name.includes('.')) return [OWN_SETTING];
  if (HARMLESS_SETTING.test(name.toLowerCase())) return [];
  return [SPELLINGS[name.toLowerCase()] ?? UNKNOWN_SETTING];
}

/** `set_config(name, value, is_local)`, from its parenthesis. */
function configured(tokens: readonly Token[], start: number): readonly string[] {
  let depth = 0;
  let end = start;
  for (; end < tokens.length; end++) {
    if (tokens[end]?.text === '(') depth++;
    if (tokens[end]?.text === ')' && --depth === 0) break;
  }
  const isLocal = tokens[end - 1]?.text === 'true' && tokens[end - 2]?.text === ',';
  if (isLocal) return [];
  const name = tokens[start + 1];
  return name?.kind === 'string' && tokens[start + 2]?.text === ',' ? named(name.text, false) : [UNKNOWN_SETTING];
}

/** Relations that this connection alone has from now on. */
export function temporaryOf(tokens: readonly Token[]): readonly string[] {
  return tokens.flatMap((token, at) => {
    const isTemporary = token.kind === 'word' && (token.text === 'temp' || token.text === 'temporary');
    return isTemporary ? nameBehind(tokens, at + 1) : inSchemaOfItsOwn(tokens, at);
  });
}

const BEFORE_NAME = new Set(['table', 'view', 'recursive', 'if', 'not', 'exists', 'virtual', 'unlogged']);

function nameBehind(tokens: readonly Token[], start: number): readonly string[] {
  let at = start;
  while (tokens[at]?.kind === 'word' && BEFORE_NAME.has(tokens[at]?.text ?? '')) at++;
  if (tokens[at + 1]?.text === '.') at += 2;
  const name = tokens[at];
  return name?.kind === 'word' || name?.kind === 'name' ? [canonical(name.text)] : [];
}

/** `create table pg_temp.name`, and `temp.name` in SQLite. */
function inSchemaOfItsOwn(tokens: readonly Token[], at: number): readonly string[] {
  const text = tokens[at]?.text.toLowerCase() ?? '';
  const isSchema = (text === 'pg_temp' || text === 'temp') && tokens[at + 1]?.text === '.';
  return isSchema ? nameBehind(tokens, at + 2) : [];
}
