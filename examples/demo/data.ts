// The database of the demo: users and their orders in a file of SQLite, filled with made-up rows that are equal at
// every start. Values reach SQL as parameters only. Every column read is shown.

import { DatabaseSync, type SQLInputValue } from 'node:sqlite';

export interface User {
  readonly id: number;
  readonly firstName: string;
  readonly lastName: string;
  readonly email: string;
}

export interface Order {
  readonly id: number;
  readonly userId: number;
  readonly product: string;
  readonly quantity: number;
}

/** A note is stored, but never shown. */
export type NewUser = Omit<User, 'id'> & { readonly note?: string | undefined };
export type NewOrder = Omit<Order, 'id'>;
export type UserWithOrders = User & { readonly orders: readonly Omit<Order, 'userId'>[] };

/** Selects the users of a list; an empty filter selects all. */
export interface UserFilter {
  readonly firstName?: string | undefined;
  /** The beginning of the first name. */
  readonly name?: string | undefined;
  /** The beginning of the id. */
  readonly id?: string | undefined;
}

export interface Page {
  /** Ids above it. */
  readonly after: number;
  readonly limit: number;
}

/** The demo's access to its database. */
export interface DemoData {
  users(filter: UserFilter, page: Page): readonly User[];
  /** Counts users with a first name, or all. */
  countUsers(firstName: string | undefined): number;
  user(id: number): User | undefined;
  addUser(user: NewUser): User;
  /** Returns undefined when there is no such user. */
  changeUser(id: number, change: Partial<NewUser>): User | undefined;
  /** Removes the user with all orders; returns false when there is none. */
  removeUser(id: number): boolean;
  /** Orders of one user, or of all. */
  orders(userId: number | undefined, page: Page): readonly Order[];
  countOrders(): number;
  order(id: number): Order | undefined;
  addOrder(order: NewOrder): Order;
  /** Users, each with all orders. */
  usersWithOrders(page: Page): readonly UserWithOrders[];
}

const SCHEMA = `
  PRAGMA journal_mode = WAL;
  PRAGMA foreign_keys = ON;
  CREATE TABLE users (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    firstName TEXT NOT NULL,
    lastName TEXT NOT NULL,
    email TEXT NOT NULL,
    note TEXT
  ) STRICT;
  CREATE TABLE orders (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    userId INTEGER NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    product TEXT NOT NULL,
    quantity INTEGER NOT NULL
  ) STRICT;
  CREATE INDEX usersByFirstName ON users (firstName);
  CREATE INDEX ordersByUser ON orders (userId);
`;

/** Makes the file, and fills it. */
export function makeDemoDatabase(path: string): DatabaseSync {
  const database = new DatabaseSync(path, { timeout: BUSY_MS });
  database.exec(SCHEMA);
  database.exec('BEGIN');
  fill(demoData(database));
  database.exec('COMMIT');
  return database;
}

/** Another program may be writing. */
const BUSY_MS = 5_000;

export function demoData(database: DatabaseSync): DemoData {
  const sql = statements(database);
  const user = (id: number) => sql.user<User>(id)[0];
  const users = (page: Page) => sql.users<User>(page.after, page.limit);
  return {
    users: ({ firstName, name, id }, page) => {
      const { after, limit } = page;
      if (firstName !== undefined) return sql.usersByFirstName<User>(firstName, after, limit);
      if (name !== undefined) return sql.usersByName<User>(`${name}%`, after, limit);
      return id === undefined ? users(page) : sql.usersById<User>(`${id}%`, after, limit);
    },
    countUsers: (firstName) =>
      firstName === undefined ? countOf(sql.countUsers()) : countOf(sql.countUsersByFirstName(firstName)),
    user,
    addUser: ({ firstName, lastName, email, note = null }) =>
      sql.addUser<User>(firstName, lastName, email, note)[0] as User,
    changeUser: (id, { firstName = null, lastName = null, email = null, note = null }) =>
      sql.changeUser<User>(firstName, lastName, email, note, id)[0],
    removeUser: (id) => sql.removeUser(id).length > 0,
    orders: (userId, { after, limit }) =>
      userId === undefined ? sql.orders<Order>(after, limit) : sql.ordersByUser<Order>(userId, after, limit),
    countOrders: () => countOf(sql.countOrders()),
    order: (id) => sql.order<Order>(id)[0],
    addOrder: (added) => sql.addOrder<Order>(added.userId, added.product, added.quantity)[0] as Order,
    usersWithOrders: (page) => {
      const those = users(page);
      return gather(those, ordersOf(database, those));
    },
  };
}

function countOf(rows: readonly { readonly count?: number }[]): number {
  return rows[0]?.count as number;
}

type Ask = <Row>(...values: SQLInputValue[]) => Row[];

const USER = 'id, firstName, lastName, email';
const ORDER = 'id, userId, product, quantity';
const PAGE = 'id > ? ORDER BY id LIMIT ?';

function statements(database: DatabaseSync) {
  const prepare = (text: string): Ask => {
    const statement = database.prepare(text);
    return <Row>(...values: SQLInputValue[]) => statement.all(...values) as Row[];
  };
  return {
    users: prepare(`SELECT ${USER} FROM users WHERE ${PAGE}`),
    usersByFirstName: prepare(`SELECT ${USER} FROM users WHERE firstName = ? AND ${PAGE}`),
    usersByName: prepare(`SELECT ${USER} FROM users WHERE firstName LIKE ? AND ${PAGE}`),
    usersById: prepare(`SELECT ${USER} FROM users WHERE id LIKE ? AND ${PAGE}`),
    countUsers: prepare('SELECT count(*) AS count FROM users'),
    countUsersByFirstName: prepare('SELECT count(*) AS count FROM users WHERE firstName = ?'),
    user: prepare(`SELECT ${USER} FROM users WHERE id = ?`),
    addUser: prepare(`INSERT INTO users (firstName, lastName, email, note) VALUES (?, ?, ?, ?) RETURNING ${USER}`),
    changeUser: prepare(`
      UPDATE users SET firstName = ifnull(?, firstName), lastName = ifnull(?, lastName), email = ifnull(?, email),
        note = ifnull(?, note)
      WHERE id = ? RETURNING ${USER}
    `),
    removeUser: prepare('DELETE FROM users WHERE id = ? RETURNING id'),
    orders: prepare(`SELECT ${ORDER} FROM orders WHERE ${PAGE}`),
    ordersByUser: prepare(`SELECT ${ORDER} FROM orders WHERE userId = ? AND ${PAGE}`),
    countOrders: prepare('SELECT count(*) AS count FROM orders'),
    order: prepare(`SELECT ${ORDER} FROM orders WHERE id = ?`),
    addOrder: prepare(`INSERT INTO orders (userId, product, quantity) VALUES (?, ?, ?) RETURNING ${ORDER}`),
  };
}

/** A separate query: a join's row of an order alone does not show whether its user is on the page. */
function ordersOf(database: DatabaseSync, users: readonly User[]): readonly Order[] {
  const places = users.map(() => '?').join(', ');
  const statement = database.prepare(`SELECT ${ORDER} FROM orders WHERE userId IN (${places}) ORDER BY id`);
  return statement.all(...users.map(({ id }) => id)) as unknown as Order[];
}

function gather(users: readonly User[], orders: readonly Order[]): UserWithOrders[] {
  const byUser = Map.groupBy(orders, ({ userId }) => userId);
  return users.map((user) => {
    const own = byUser.get(user.id) ?? [];
    return { ...user, orders: own.map(({ userId: _, ...order }) => order) };
  });
}

const FIRST_NAMES = ['Ada', 'Ben', 'Cleo', 'Dara', 'Eli', 'Fay', 'Gus', 'Lane', 'Lara', 'June'];
const LAST_NAMES = ['Ash', 'Birch', 'Cedar', 'Elm', 'Fir', 'Hazel', 'Larch', 'Maple', 'Oak', 'Pine', 'Rowan'];
const PRODUCTS = ['anchor', 'buoy', 'chart', 'compass', 'lantern', 'oar', 'rope'];
const USERS = 50;
const ORDERS = 120;

/** The counts have no common divisor, so that names and products do not repeat together. */
function fill(data: DemoData): void {
  for (let at = 0; at < USERS; at++) {
    const firstName = FIRST_NAMES[at % FIRST_NAMES.length] as string;
    const lastName = LAST_NAMES[at % LAST_NAMES.length] as string;
    data.addUser({ firstName, lastName, email: `${firstName}.${lastName}@example.org`.toLowerCase() });
  }
  for (let at = 0; at < ORDERS; at++) {
    const product = PRODUCTS[at % PRODUCTS.length] as string;
    data.addOrder({ userId: ((at * 7) % USERS) + 1, product, quantity: (at % 3) + 1 });
  }
}
