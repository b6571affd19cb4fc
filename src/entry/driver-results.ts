// Results of database drivers that are instances of driver classes: kept as the plain data that the driver documents.
// Their other contents, such as parsers and the connection's state, are of no use to a reader.

interface ResultClass {
  /** Name of the constructor. Several drivers share a name, so the fields count as well. */
  readonly name: string;
  /** Own properties that identify it. */
  readonly told: readonly string[];
  toPlain(result: Fields): object;
}

type Fields = Readonly<Record<string, unknown>>;

const RESULTS: readonly ResultClass[] = [
  {
    // postgres.js: the list of its rows.
    name: 'Result',
    told: ['length', 'count', 'command', 'columns', 'statement'],
    toPlain: (result) => Array.prototype.slice.call(result),
  },
  {
    // pg
    name: 'Result',
    told: ['rows', 'fields', 'rowCount', 'command', '_parsers'],
    toPlain: (result) => ({
      ...taken(result, ['command', 'rowCount', 'oid', 'rows']),
      fields: (result.fields as readonly object[]).map((field) => ({ ...field })),
    }),
  },
  {
    // @libsql/client
    name: 'ResultSetImpl',
    told: ['columns', 'columnTypes', 'rows', 'rowsAffected'],
    toPlain: (result) => taken(result, ['columns', 'columnTypes', 'rows', 'rowsAffected', 'lastInsertRowid']),
  },
  {
    // An interval of pg; its properties are the parts that are not 0.
    name: 'PostgresInterval',
    told: [],
    toPlain: (interval) => ({ ...interval }),
  },
];

/** Returns undefined when the value is no result of a known driver. */
export function plainResult(value: object): object | undefined {
  const { name } = value.constructor ?? {};
  const known = RESULTS.find((each) => each.name === name && each.told.every((field) => Object.hasOwn(value, field)));
  return known?.toPlain(value as Fields);
}

function taken(result: Fields, names: readonly string[]): Record<string, unknown> {
  return Object.fromEntries(names.map((name) => [name, result[name]]));
}
