// The words of SQL that tell what a statement does, and the functions of PostgreSQL and SQLite that are known to read and
// write no table. Of any other function it is not known.

const list = (names: string): ReadonlySet<string> => new Set(names.trim().split(/\s+/));

/**
 * Of PostgreSQL: they read and write no table. Functions of extensions, and those that give several rows for one, are not
 * among them: what calls these goes past the cache.
 */
export const HARMLESS = list(`
  abs acos age any_value array_agg array_append array_cat array_dims array_fill array_length array_lower array_ndims
  array_position array_positions array_prepend array_remove array_replace array_to_json array_to_string array_upper
  ascii asin atan atan2 avg bit_and bit_length bit_or bool_and bool_or btrim cardinality cbrt ceil ceiling char_length
  character_length chr clock_timestamp coalesce concat concat_ws convert_from convert_to corr cos cot count covar_pop
  covar_samp cume_dist currval date date_bin date_part date_trunc decode degrees dense_rank div encode every exp
  extract first_value floor format gcd gen_random_uuid greatest grouping host initcap isfinite json_agg json_array
  json_array_length json_build_array json_build_object json_extract_path json_extract_path_text json_object
  json_object_agg json_populate_record json_strip_nulls json_to_record json_typeof jsonb_agg jsonb_array_length
  jsonb_build_array jsonb_build_object jsonb_extract_path jsonb_extract_path_text jsonb_insert jsonb_object
  jsonb_object_agg jsonb_path_exists jsonb_path_match jsonb_path_query_array jsonb_path_query_first jsonb_pretty
  jsonb_set jsonb_strip_nulls jsonb_to_record jsonb_typeof justify_days justify_hours justify_interval lag last_value
  lastval lcm lead least left length ln localtime localtimestamp log log10 lower lpad ltrim make_date make_interval
  make_time make_timestamp make_timestamptz max md5 min mod mode nextval normalize now nth_value ntile nullif
  num_nonnulls num_nulls octet_length overlay percent_rank percentile_cont percentile_disc pg_advisory_lock
  pg_advisory_lock_shared pg_advisory_unlock pg_advisory_unlock_all pg_advisory_unlock_shared pg_advisory_xact_lock
  pg_advisory_xact_lock_shared pg_backend_pid pg_sleep pg_try_advisory_lock pg_try_advisory_lock_shared
  pg_try_advisory_xact_lock pg_try_advisory_xact_lock_shared pg_typeof phraseto_tsquery pi plainto_tsquery position
  power quote_ident quote_literal quote_nullable radians random range_merge rank regexp_count regexp_instr regexp_like
  regexp_match regexp_replace regexp_split_to_array regexp_substr repeat replace reverse right round row row_number
  row_to_json rpad rtrim scale setseed setval setweight sha224 sha256 sha384 sha512 sign sin split_part sqrt
  starts_with statement_timestamp stddev stddev_pop stddev_samp string_agg string_to_array strip strpos substr
  substring sum tan timeofday to_ascii to_char to_date to_hex to_json to_jsonb to_number to_timestamp to_tsquery
  to_tsvector transaction_timestamp translate trim trim_array trim_scale trunc ts_headline ts_rank ts_rank_cd upper
  uuidv4 uuidv7 var_pop var_samp variance version websearch_to_tsquery width_bucket current_setting set_config
`);

/** Of SQLite, besides those that depend on their arguments alone: they read no table. */
export const HARMLESS_OF_SQLITE = list(`
  changes last_insert_rowid random randomblob sqlite_compileoption_get sqlite_compileoption_used sqlite_offset
  sqlite_source_id sqlite_version subtype timediff total_changes
`);

/** Those of SQLite that stand where a table would, and read none. */
export const HARMLESS_IN_FROM = list('json_each json_tree jsonb_each jsonb_tree generate_series');

/** What they give differs from one call to the next, or from one connection to the next. */
export const VOLATILE = list(`
  random randomblob gen_random_uuid gen_random_bytes uuid_generate_v4 uuidv4 uuidv7 now clock_timestamp
  statement_timestamp transaction_timestamp timeofday current_timestamp current_date current_time localtime localtimestamp
  nextval currval lastval setval current_setting set_config current_user session_user current_role pg_backend_pid
  last_insert_rowid changes total_changes unixepoch julianday pg_sleep version
`);

/** The time, where an argument says so or none does, and that may be a parameter. */
export const MOMENTS_OF_SQLITE = list('date time datetime julianday unixepoch strftime timediff');

/** Functions of PostgreSQL that take or give a lock of their own. */
export const LOCKS = /^pg_\w*advisory/i;

/** Words before a parenthesis that are no functions. */
export const NO_FUNCTIONS = list(`
  all and any as between by case check conflict distinct else end except exists filter for from group having if in
  intersect into is join key lateral like ilike limit materialized not of offset on only or order over overriding
  partition primary range recursive references returning rows select set some then to union unique using values when
  where with within array cast grouping sets cube rollup table interval timestamp timestamptz time numeric decimal varchar
  char character bit float precision varying similar escape collate groups ignore nulls glob match regexp raise
`);

export const CONTROLS: Readonly<Record<string, 'begin' | 'commit' | 'rollback'>> = {
  begin: 'begin',
  start: 'begin',
  commit: 'commit',
  end: 'commit',
  rollback: 'rollback',
  abort: 'rollback',
};
/** They change no rows. */
export const HARMLESS_STATEMENTS = new Set(
  'savepoint release set reset show listen unlisten notify vacuum analyze pragma checkpoint deallocate discard lock reindex fetch close'.split(
    ' ',
  ),
);
export const SCANNED = list(
  'select with values insert update delete replace merge truncate table refresh explain declare',
);
/** They end a list of relations. */
export const CLAUSES = new Set(
  'where group order having limit offset union intersect except returning window for set values select fetch'.split(
    ' ',
  ),
);
export const SPECIAL_FROM = new Set(['extract', 'substring', 'trim', 'overlay', 'position']);
export const SUBQUERY = new Set(['select', 'with', 'values', 'table']);
/** What a member of a WITH list begins with, where its name has columns: else they are columns and types. */
export const MEMBER = new Set([...SUBQUERY, 'insert', 'update', 'delete', 'merge', '(']);
export const SKIPPED = new Set(['only', 'lateral', 'table', 'materialized', 'view', 'concurrently']);

export const WRITING = list('insert update delete replace merge truncate refresh into');
