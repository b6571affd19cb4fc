// The database of the demo: users and their orders in SQLite, in memory, filled with made-up rows that are the same at
// every start. Values reach SQL as parameters only.

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

export type NewUser = Omit<User, 'id'>;
export type NewOrder = Omit<Order, 'id'>;
export type UserWithOrders = User & { readonly orders: readonly Omit<Order, 'userId'>[] };

/** What the demo asks of its database. */
export interface DemoData {
  users(limit: number, firstName: string | undefined): readonly User[];
  user(id: number): User | undefined;
  addUser(user: NewUser): User;
  /** Undefined: there is no such user. */
  changeUser(id: number, change: Partial<NewUser>): User | undefined;
  /** Removes the user with all orders; false: there is none. */
  removeUser(id: number): boolean;
  /** Orders of one user, or of all. */
  orders(userId: number | undefined, limit: number): readonly Order[];
  order(id: number): Order | undefined;
  addOrder(order: NewOrder): Order;
  /** The first users, each with all orders. */
  usersWithOrders(limit: number): readonly UserWithOrders[];
  close(): void;
}

const SCHEMA = `
  PRAGMA foreign_keys = ON;
  CREATE TABLE users (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    firstName TEXT NOT NULL,
    lastName TEXT NOT NULL,
    email TEXT NOT NULL
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

/** Opens a database of its own, filled. */
export function openDemoData(): DemoData {
  const database = new DatabaseSync(':memory:');
  database.exec(SCHEMA);
  const data = dataOf(database);
  database.exec('BEGIN');
  fill(data);
  database.exec('COMMIT');
  return data;
}

function dataOf(database: DatabaseSync): DemoData {
  const sql = statements(database);
  const user = (id: number) => sql.user<User>(id)[0];
  return {
    users: (limit, firstName) =>
      firstName === undefined ? sql.users<User>(limit) : sql.usersByFirstName<User>(firstName, limit),
    user,
    addUser: (added) => sql.addUser<User>(added.firstName, added.lastName, added.email)[0] as User,
    changeUser(id, change) {
      const old = user(id);
      if (old === undefined) return undefined;
      const { firstName, lastName, email } = { ...old, ...change };
      return sql.changeUser<User>(firstName, lastName, email, id)[0];
    },
    removeUser: (id) => sql.removeUser(id).length > 0,
    orders: (userId, limit) =>
      userId === undefined ? sql.orders<Order>(limit) : sql.ordersByUser<Order>(userId, limit),
    order: (id) => sql.order<Order>(id)[0],
    addOrder: (added) => sql.addOrder<Order>(added.userId, added.product, added.quantity)[0] as Order,
    usersWithOrders: (limit) => gather(sql.usersWithOrders<JoinedRow>(limit)),
    close: () => database.close(),
  };
}

type Ask = <Row>(...values: SQLInputValue[]) => Row[];

function statements(database: DatabaseSync) {
  const prepare = (text: string): Ask => {
    const statement = database.prepare(text);
    return <Row>(...values: SQLInputValue[]) => statement.all(...values) as Row[];
  };
  return {
    users: prepare('SELECT * FROM users ORDER BY id LIMIT ?'),
    usersByFirstName: prepare('SELECT * FROM users WHERE firstName = ? ORDER BY id LIMIT ?'),
    user: prepare('SELECT * FROM users WHERE id = ?'),
    addUser: prepare('INSERT INTO users (firstName, lastName, email) VALUES (?, ?, ?) RETURNING *'),
    changeUser: prepare('UPDATE users SET firstName = ?, lastName = ?, email = ? WHERE id = ? RETURNING *'),
    removeUser: prepare('DELETE FROM users WHERE id = ? RETURNING id'),
    orders: prepare('SELECT * FROM orders ORDER BY id LIMIT ?'),
    ordersByUser: prepare('SELECT * FROM orders WHERE userId = ? ORDER BY id LIMIT ?'),
    order: prepare('SELECT * FROM orders WHERE id = ?'),
    addOrder: prepare('INSERT INTO orders (userId, product, quantity) VALUES (?, ?, ?) RETURNING *'),
    usersWithOrders: prepare(`
      SELECT u.*, o.id AS orderId, o.product, o.quantity
      FROM (SELECT * FROM users ORDER BY id LIMIT ?) AS u LEFT JOIN orders AS o ON o.userId = u.id
      ORDER BY u.id, o.id
    `),
  };
}

type JoinedRow = User & { readonly orderId: number | null; readonly product: string; readonly quantity: number };

/** One user for each run of rows of that user. */
function gather(rows: readonly JoinedRow[]): UserWithOrders[] {
  const users = new Map<number, User & { orders: Omit<Order, 'userId'>[] }>();
  for (const { orderId, product, quantity, ...user } of rows) {
    const gathered = users.get(user.id) ?? { ...user, orders: [] };
    users.set(user.id, gathered);
    if (orderId !== null) gathered.orders.push({ id: orderId, product, quantity });
  }
  return [...users.values()];
}

const FIRST_NAMES = ['Ada', 'Ben', 'Cleo', 'Dara', 'Eli', 'Fay', 'Gus', 'Hana', 'Ivo', 'June'];
const LAST_NAMES = ['Ash', 'Birch', 'Cedar', 'Elm', 'Fir', 'Hazel', 'Larch', 'Maple', 'Oak', 'Pine', 'Rowan'];
const PRODUCTS = ['anchor', 'buoy', 'chart', 'compass', 'lantern', 'oar', 'rope'];
const USERS = 50;
const ORDERS = 120;

/** The counts have no common divisor, so that names and products do not go in step. */
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
