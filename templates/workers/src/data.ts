// The data of the demo in D1. Values reach SQL as parameters only.

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
export type NewUser = Omit<User, 'id'> & { readonly note?: string };

/** Ids above `after`. */
export interface Page {
  readonly after: number;
  readonly limit: number;
}

/** Selects the users of a list; an empty filter selects all. `name` and `id`: what they begin with. */
export interface UserFilter {
  readonly firstName?: string | undefined;
  readonly name?: string | undefined;
  readonly id?: string | undefined;
}

/** What is called of D1. */
export interface Database {
  prepare(text: string): { bind(...values: unknown[]): { all<Row>(): Promise<{ results: Row[] }> } };
}

const USER = 'id, firstName, lastName, email';
const ORDER = 'id, userId, product, quantity';
const PAGE = 'id > ? ORDER BY id LIMIT ?';

const ADD_USER = `INSERT INTO users (firstName, lastName, email, note) VALUES (?, ?, ?, ?) RETURNING ${USER}`;
const CHANGE_USER = `
  UPDATE users SET firstName = ifnull(?, firstName), lastName = ifnull(?, lastName), email = ifnull(?, email),
    note = ifnull(?, note)
  WHERE id = ? RETURNING ${USER}
`;
const ADD_ORDER = `INSERT INTO orders (userId, product, quantity) VALUES (?, ?, ?) RETURNING ${ORDER}`;

export type DemoData = ReturnType<typeof demoData>;

export function demoData(database: Database) {
  const ask = async <Row>(text: string, ...values: unknown[]): Promise<Row[]> =>
    (
      await database
        .prepare(text)
        .bind(...values)
        .all<Row>()
    ).results;
  const one = async <Row>(text: string, ...values: unknown[]) => (await ask<Row>(text, ...values))[0];
  const count = async (text: string, ...values: unknown[]) => (await one<{ count: number }>(text, ...values))?.count;
  const users = ({ firstName, name, id }: UserFilter, { after, limit }: Page): Promise<User[]> => {
    const select = (condition: string, ...values: unknown[]) =>
      ask<User>(`SELECT ${USER} FROM users WHERE ${condition}${PAGE}`, ...values, after, limit);
    if (firstName !== undefined) return select('firstName = ? AND ', firstName);
    if (name !== undefined) return select('firstName LIKE ? AND ', `${name}%`);
    return id === undefined ? select('') : select('id LIKE ? AND ', `${id}%`);
  };
  return {
    users,
    countUsers: (firstName: string | undefined) =>
      firstName === undefined
        ? count('SELECT count(*) AS count FROM users')
        : count('SELECT count(*) AS count FROM users WHERE firstName = ?', firstName),
    user: (id: number) => one<User>(`SELECT ${USER} FROM users WHERE id = ?`, id),
    addUser: async ({ firstName, lastName, email, note = undefined }: NewUser) =>
      (await one<User>(ADD_USER, firstName, lastName, email, note ?? null)) as User,
    changeUser: (id: number, { firstName, lastName, email, note }: Partial<NewUser>) =>
      one<User>(CHANGE_USER, firstName ?? null, lastName ?? null, email ?? null, note ?? null, id),
    /** Removes the user with all orders; false when there is none. */
    removeUser: async (id: number) => (await ask('DELETE FROM users WHERE id = ? RETURNING id', id)).length > 0,
    /** Orders of one user, or of all. */
    orders: (userId: number | undefined, { after, limit }: Page) =>
      userId === undefined
        ? ask<Order>(`SELECT ${ORDER} FROM orders WHERE ${PAGE}`, after, limit)
        : ask<Order>(`SELECT ${ORDER} FROM orders WHERE userId = ? AND ${PAGE}`, userId, after, limit),
    countOrders: () => count('SELECT count(*) AS count FROM orders'),
    order: (id: number) => one<Order>(`SELECT ${ORDER} FROM orders WHERE id = ?`, id),
    addOrder: async ({ userId, product, quantity }: Omit<Order, 'id'>) =>
      (await one<Order>(ADD_ORDER, userId, product, quantity)) as Order,
    /** Users, each with all orders. */
    async usersWithOrders(page: Page) {
      const those = await users({}, page);
      // A list in JSON is one parameter: D1 takes a hundred at most.
      const ids = JSON.stringify(those.map(({ id }) => id));
      const where = 'userId IN (SELECT value FROM json_each(?))';
      const orders = await ask<Order>(`SELECT ${ORDER} FROM orders WHERE ${where} ORDER BY id`, ids);
      return those.map((user) => {
        const own = orders.filter(({ userId }) => userId === user.id);
        return { ...user, orders: own.map(({ userId: _, ...order }) => order) };
      });
    },
  };
}
