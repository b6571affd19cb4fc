// The tables as the drill's transactions leave them, in a model of its own: what is true after each commit.

export type Cell = number | null;
export type TableName = 'items' | 'notes';

/** One statement of a transaction. */
export type Op =
  | { readonly kind: 'insert'; readonly table: TableName; readonly row: Readonly<Record<string, number>> }
  | {
      readonly kind: 'update';
      readonly table: TableName;
      readonly id: number;
      readonly set: Readonly<Record<string, number>>;
    }
  | { readonly kind: 'delete'; readonly table: TableName; readonly id: number }
  | { readonly kind: 'clear'; readonly table: TableName }
  | { readonly kind: 'add column'; readonly name: string; readonly value: number }
  | { readonly kind: 'drop column'; readonly name: string }
  | { readonly kind: 'rename column'; readonly from: string; readonly to: string }
  | { readonly kind: 'rename table'; readonly from: string; readonly to: string };

const SCHEMA_OPS: readonly Op['kind'][] = ['add column', 'drop column', 'rename column', 'rename table'];

export function isSchemaOp({ kind }: Op): boolean {
  return SCHEMA_OPS.includes(kind);
}

export type Row = Readonly<Record<string, Cell>>;

export interface Table {
  readonly columns: readonly string[];
  readonly defaults: Readonly<Record<string, Cell>>;
  readonly rows: ReadonlyMap<number, Row>;
}

/** A query on it fails in the database, too. */
export class Missing extends Error {}

export const COLUMNS = {
  items: ['id', 'version', 'grp', 'place', 'amount'],
  notes: ['id', 'version', 'item_id'],
} as const;

export class Model {
  readonly #tables = new Map<string, Table>(
    Object.entries(COLUMNS).map(([name, columns]) => [name, { columns, defaults: {}, rows: new Map() }]),
  );

  /** Throws `Missing` where it is not there, or not all of its columns are. */
  table(name: string, columns: readonly string[] = []): Table {
    const table = this.#tables.get(name);
    if (table === undefined || columns.some((column) => !table.columns.includes(column))) throw new Missing(name);
    return table;
  }

  apply(op: Op): void {
    switch (op.kind) {
      case 'insert':
        return this.#put(op.table, { ...this.table(op.table).defaults, ...op.row }, op.row.id as number);
      case 'update': {
        const row = this.table(op.table, Object.keys(op.set)).rows.get(op.id);
        if (row === undefined) throw new Error(`expected a row ${op.id} of ${op.table}, got none`);
        return this.#put(op.table, { ...row, ...op.set }, op.id);
      }
      case 'delete':
        return void (this.table(op.table).rows as Map<number, Row>).delete(op.id);
      case 'clear':
        return (this.table(op.table).rows as Map<number, Row>).clear();
      case 'rename table': {
        const table = this.table(op.from);
        this.#tables.delete(op.from);
        this.#tables.set(op.to, table);
        return;
      }
      default:
        return this.#alter(op);
    }
  }

  #put(name: string, row: Row, id: number): void {
    (this.table(name).rows as Map<number, Row>).set(id, row);
  }

  #alter(op: Extract<Op, { readonly kind: 'add column' | 'drop column' | 'rename column' }>): void {
    const { columns, defaults, rows } = this.table('items');
    const altered = (row: Row): Row => {
      if (op.kind === 'add column') return { ...row, [op.name]: op.value };
      const gone = op.kind === 'drop column' ? op.name : op.from;
      const { [gone]: value = null, ...rest } = row;
      return op.kind === 'drop column' || !(gone in row) ? rest : { ...rest, [op.to]: value };
    };
    const named =
      op.kind === 'add column'
        ? [...columns, op.name]
        : op.kind === 'drop column'
          ? columns.filter((name) => name !== op.name)
          : columns.map((name) => (name === op.from ? op.to : name));
    this.#tables.set('items', {
      columns: named,
      defaults: altered(defaults),
      rows: new Map([...rows].map(([id, row]) => [id, altered(row)])),
    });
  }
}
