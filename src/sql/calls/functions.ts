// What is known of the functions of each dialect, by the names that the system gives them: which depend on their arguments
// alone (aggregates, window functions, `SCALARS`), and which others read no table (`TABLELESS`, `MOVING`).
//
// Whatever is in none of the lists may read tables, the clock or the session. So a function that is missing here costs a
// cache entry; one that is here by mistake would make an outdated answer.

import type { Dialect } from '../../dependency/template.ts';
import type { Expression } from '../ast.ts';

const words = (...texts: readonly string[]): ReadonlySet<string> => new Set(texts.join(' ').trim().split(/\s+/));

const AGGREGATES: Readonly<Record<Dialect, ReadonlySet<string>>> = {
  sqlite: words(`
    avg count group_concat json_group_array json_group_object jsonb_group_array jsonb_group_object max median min
    percentile percentile_cont percentile_disc string_agg sum total`),
  postgres: words(`
    any_value array_agg avg bit_and bit_or bit_xor bool_and bool_or corr count covar_pop covar_samp every json_agg
    json_agg_strict json_arrayagg json_object_agg json_object_agg_strict json_object_agg_unique
    json_object_agg_unique_strict json_objectagg jsonb_agg jsonb_agg_strict jsonb_object_agg jsonb_object_agg_strict
    jsonb_object_agg_unique jsonb_object_agg_unique_strict max min mode percentile_cont percentile_disc range_agg
    range_intersect_agg regr_avgx regr_avgy regr_count regr_intercept regr_r2 regr_slope regr_sxx regr_sxy regr_syy stddev
    stddev_pop stddev_samp string_agg sum var_pop var_samp variance xmlagg`),
};

const WINDOWS = words(`
  cume_dist dense_rank first_value lag last_value lead nth_value ntile percent_rank rank row_number`);

const BOTH = `
  abs acos acosh asin asinh atan atan2 atanh ceil ceiling coalesce concat concat_ws cos cosh degrees exp floor length ln
  lower ltrim mod nullif octet_length pi power radians replace round rtrim sign sin sinh sqrt substr substring tan tanh
  trim trunc upper`;

const SCALARS: Readonly<Record<Dialect, ReadonlySet<string>>> = {
  sqlite: words(
    BOTH,
    `char format glob hex if ifnull iif instr json json_array json_array_length json_each json_error_position json_extract
    json_insert json_object json_patch json_pretty json_quote json_remove json_replace json_set json_tree json_type
    json_valid jsonb jsonb_array jsonb_each jsonb_extract jsonb_insert jsonb_object jsonb_patch jsonb_remove jsonb_replace
    jsonb_set jsonb_tree like likelihood likely log log10 log2 max min pow printf quote soundex typeof unhex unicode unistr
    unistr_quote unlikely zeroblob`,
  ),
  postgres: words(
    BOTH,
    `array_append array_cat array_dims array_fill array_length array_lower array_ndims array_position array_positions
    array_prepend array_remove array_replace array_upper ascii bit_count bit_length box btrim cardinality cbrt char_length
    character_length chr circle convert_from convert_to cosd cot date_bin date_part date_trunc decode div encode erf erfc
    extract factorial family gcd generate_series get_bit get_byte greatest height host initcap int4range int8range isempty
    isfinite json_array_elements json_array_elements_text json_array_length json_build_array json_build_object json_each
    json_each_text json_extract_path json_extract_path_text json_object json_object_keys json_strip_nulls json_typeof
    jsonb_array_elements jsonb_array_elements_text jsonb_array_length jsonb_build_array jsonb_build_object jsonb_each
    jsonb_each_text jsonb_exists jsonb_extract_path jsonb_extract_path_text jsonb_insert jsonb_object jsonb_object_keys
    jsonb_path_exists jsonb_path_match jsonb_path_query jsonb_path_query_array jsonb_path_query_first jsonb_pretty
    jsonb_set jsonb_set_lax jsonb_strip_nulls jsonb_typeof justify_days justify_hours justify_interval lcm least left
    log log10 lower_inc lower_inf lpad make_date make_interval make_time make_timestamp masklen md5 min_scale network
    normalize num_nonnulls num_nulls numeric numrange overlaps overlay point position quote_ident quote_literal
    quote_nullable range_merge regexp_count regexp_instr regexp_like regexp_match regexp_matches regexp_replace
    regexp_split_to_array regexp_split_to_table regexp_substr repeat reverse right rpad scale set_bit set_byte sha224
    sha256 sha384 sha512 sind split_part starts_with string_to_array string_to_table strpos tand text to_hex
    translate trim_array trim_scale unnest upper_inc upper_inf width width_bucket`,
  ),
};

/**
 * Functions that read no table, though their values depend on more than their arguments: settings, dictionaries, the
 * server.
 */
const TABLELESS: Readonly<Record<Dialect, ReadonlySet<string>>> = {
  sqlite: words(
    'generate_series sqlite_compileoption_get sqlite_compileoption_used sqlite_offset sqlite_source_id sqlite_version subtype',
  ),
  postgres: words(`
    age array_to_json array_to_string date format grouping is_normalized json_array json_populate_record json_to_record
    jsonb_to_record like_escape make_timestamptz pg_advisory_lock pg_advisory_lock_shared pg_advisory_unlock
    pg_advisory_unlock_all pg_advisory_unlock_shared pg_advisory_xact_lock pg_advisory_xact_lock_shared
    pg_collation_for pg_try_advisory_lock pg_try_advisory_lock_shared pg_try_advisory_xact_lock
    pg_try_advisory_xact_lock_shared pg_typeof phraseto_tsquery plainto_tsquery row row_to_json setseed setweight
    similar_to_escape strip to_ascii to_char to_date to_json to_jsonb to_number to_timestamp to_tsquery to_tsvector
    ts_headline ts_rank ts_rank_cd websearch_to_tsquery`),
};

/** Functions that read no table, and whose values differ from one call or one connection to the next. */
const MOVING: Readonly<Record<Dialect, ReadonlySet<string>>> = {
  sqlite: words('changes last_insert_rowid random randomblob timediff total_changes'),
  postgres: words(`
    clock_timestamp current_setting currval gen_random_bytes gen_random_uuid lastval localtime localtimestamp nextval now
    pg_backend_pid pg_sleep random set_config setval statement_timestamp timeofday transaction_timestamp
    uuid_generate_v4 uuidv4 uuidv7 version`),
};

/** SQLite functions that take the current time unless they are given one. The number is the index of the time argument. */
const SQLITE_TIMES = new Map(
  Object.entries({ date: 0, datetime: 0, julianday: 0, strftime: 1, time: 0, unixepoch: 0 }),
);

/** Returns undefined when the system's function of this name, in lower case, depends on its arguments alone. */
export function systemImpurity(name: string, args: readonly Expression[], dialect: Dialect): string | undefined {
  if (isListed(name, dialect)) return undefined;
  // Parts of a time with a zone depend on the session's zone, as the zone's texts do: one source, one zone.
  if (dialect === 'postgres') return name === 'timezone' && args.length === 2 ? undefined : `function ${name}`;
  const place = SQLITE_TIMES.get(name);
  if (place === undefined) return `function ${name}`;
  if (isGivenTime(args, place)) return undefined;
  const isText = args[place]?.kind === 'column';
  const mend = `which may be 'now': name ${name} in pureFunctions where no text is that`;
  return isText ? `function ${name} of a column, ${mend}` : `function ${name} of the current time`;
}

function isListed(name: string, dialect: Dialect): boolean {
  return AGGREGATES[dialect].has(name) || WINDOWS.has(name) || SCALARS[dialect].has(name);
}

/** Whether something is known of the system's function of this name, in lower case. */
export function isSystemName(name: string, dialect: Dialect): boolean {
  return isListed(name, dialect) || (dialect === 'sqlite' ? SQLITE_TIMES.has(name) : name === 'timezone');
}

/** Not `now`, `subsec`, `subsecond`: https://www.sqlite.org/lang_datefunc.html#time_values */
const GIVEN_TIME = /^\s*[-+]?\d/;

/** A column may hold another kind of text, and a modifier may ask for the machine's time zone. */
function isGivenTime(args: readonly Expression[], place: number): boolean {
  const [time, ...modifiers] = args.slice(place);
  if (time?.kind !== 'literal') return false;
  if (typeof time.value === 'string' ? !GIVEN_TIME.test(time.value) : typeof time.value !== 'number') return false;
  return modifiers.every(
    ({ kind, ...rest }) => kind === 'literal' && 'value' in rest && !/^\s*(?:localtime|utc)/i.test(String(rest.value)),
  );
}

/** Whether the system's function of this name, in lower case, is known to read no table. */
export function readsNoTable(name: string, dialect: Dialect): boolean {
  return isSystemName(name, dialect) || TABLELESS[dialect].has(name) || isMoving(name, dialect);
}

/** Whether its value may change without a write. Any argument of SQLite's time functions may be 'now'. */
export function isMoving(name: string, dialect: Dialect): boolean {
  return MOVING[dialect].has(name) || (dialect === 'sqlite' && SQLITE_TIMES.has(name));
}

export function isAggregate(name: string, dialect: Dialect): boolean {
  return AGGREGATES[dialect].has(name);
}

export function isWindow(name: string): boolean {
  return WINDOWS.has(name);
}

const COLLATIONS = /^(?:binary|nocase|rtrim)$/i;

/** Whether a function, or a collation, of a program takes the place of one of SQLite's own. */
export function replacesOwn(name: unknown): boolean {
  return typeof name !== 'string' || isSystemName(name.toLowerCase(), 'sqlite') || COLLATIONS.test(name);
}
