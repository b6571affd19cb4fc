// An auction site with the pages and the bidding mix of RUBiS (15 % of the requests write), in plain SQL as its PHP
// version writes it, a join in place of a query for each row.
//
// "now" is the beginning of the day that is simulated, or no list of running auctions would be
// worth keeping: its answer would change by time alone.

import type { Dice } from '../../test/sim/dice.ts';
import {
  type Ask,
  insert,
  type Page,
  type Requests,
  type Statement,
  statement,
  type Workload,
  Zipf,
} from './workload.ts';

const USERS = 2_000;
const ITEMS = 4_000;
const BIDS = 15_000;
const COMMENTS = 3_000;
const CATEGORIES = 20;
const REGIONS = 62;
const PAGE = 25;
const TODAY = 20_000;

export const auction: Workload = {
  name: 'auction',
  schema: [
    'CREATE TABLE categories (id INTEGER PRIMARY KEY, name TEXT NOT NULL)',
    'CREATE TABLE regions (id INTEGER PRIMARY KEY, name TEXT NOT NULL)',
    `CREATE TABLE users (id INTEGER PRIMARY KEY, firstname TEXT NOT NULL, lastname TEXT NOT NULL,
       nickname TEXT NOT NULL UNIQUE, email TEXT NOT NULL, rating INTEGER NOT NULL, balance REAL NOT NULL,
       creation_date INTEGER NOT NULL, region_id INTEGER NOT NULL REFERENCES regions)`,
    `CREATE TABLE items (id INTEGER PRIMARY KEY, name TEXT NOT NULL, description TEXT NOT NULL,
       initial_price REAL NOT NULL, quantity INTEGER NOT NULL, buy_now REAL, nb_of_bids INTEGER NOT NULL,
       max_bid REAL, start_date INTEGER NOT NULL, end_date INTEGER NOT NULL,
       seller_id INTEGER NOT NULL REFERENCES users, category_id INTEGER NOT NULL REFERENCES categories)`,
    `CREATE TABLE bids (id INTEGER PRIMARY KEY, user_id INTEGER NOT NULL REFERENCES users,
       item_id INTEGER NOT NULL REFERENCES items, qty INTEGER NOT NULL, bid REAL NOT NULL, max_bid REAL NOT NULL,
       date INTEGER NOT NULL)`,
    `CREATE TABLE comments (id INTEGER PRIMARY KEY, from_user_id INTEGER NOT NULL REFERENCES users,
       to_user_id INTEGER NOT NULL REFERENCES users, item_id INTEGER NOT NULL REFERENCES items,
       rating INTEGER NOT NULL, date INTEGER NOT NULL, comment TEXT NOT NULL)`,
    `CREATE TABLE buy_now (id INTEGER PRIMARY KEY, buyer_id INTEGER NOT NULL REFERENCES users,
       item_id INTEGER NOT NULL REFERENCES items, qty INTEGER NOT NULL, date INTEGER NOT NULL)`,
    'CREATE INDEX items_category ON items (category_id, end_date)',
    'CREATE INDEX items_seller ON items (seller_id)',
    'CREATE INDEX bids_item ON bids (item_id)',
    'CREATE INDEX bids_user ON bids (user_id)',
    'CREATE INDEX comments_to ON comments (to_user_id)',
    'CREATE INDEX buy_now_buyer ON buy_now (buyer_id)',
  ],
  rows(dice) {
    const made: Statement[] = [];
    for (let id = 1; id <= CATEGORIES; id++) made.push(insert('categories', { id, name: `Category ${id}` }));
    for (let id = 1; id <= REGIONS; id++) made.push(insert('regions', { id, name: `Region ${id}` }));
    for (let id = 1; id <= USERS; id++) made.push(newUser(dice, id));
    for (let id = 1; id <= ITEMS; id++) made.push(newItem(dice, id, dice.between(1, USERS)));
    const items = new Zipf(dice, ITEMS);
    for (let id = 1; id <= BIDS; id++) made.push(...newBid(dice, { id, item: items.spread() }));
    for (let id = 1; id <= COMMENTS; id++) made.push(...newComment(dice, { id, to: dice.between(1, USERS) }));
    return made;
  },
  requests,
};

function newUser(dice: Dice, id: number): Statement {
  return insert('users', {
    id,
    firstname: `First${id}`,
    lastname: `Last${id}`,
    nickname: `nick${id}`,
    email: `nick${id}@example.org`,
    rating: 0,
    balance: 0,
    creation_date: TODAY - dice.below(1_000),
    region_id: dice.between(1, REGIONS),
  });
}

function newItem(dice: Dice, id: number, seller: number): Statement {
  return insert('items', {
    id,
    name: `Item ${id}`,
    description: `About item ${id}`,
    initial_price: dice.between(1, 5_000),
    quantity: dice.between(1, 10),
    buy_now: dice.chance(0.4) ? dice.between(5_000, 9_000) : null,
    nb_of_bids: 0,
    max_bid: null,
    start_date: TODAY - dice.below(5),
    end_date: TODAY + dice.between(-1, 7),
    seller_id: seller,
    category_id: dice.between(1, CATEGORIES),
  });
}

function newBid(dice: Dice, { id, item }: { readonly id: number; readonly item: number }): Statement[] {
  const bid = dice.between(1, 10_000);
  return [
    insert('bids', {
      id,
      user_id: dice.between(1, USERS),
      item_id: item,
      qty: 1,
      bid,
      max_bid: bid + dice.below(100),
      date: TODAY * 100 + id,
    }),
    statement(
      'UPDATE items SET max_bid = MAX(COALESCE(max_bid, 0), ?), nb_of_bids = nb_of_bids + 1 WHERE id = ?',
      bid,
      item,
    ),
  ];
}

function newComment(dice: Dice, { id, to }: { readonly id: number; readonly to: number }): Statement[] {
  const rating = dice.between(-5, 5);
  return [
    insert('comments', {
      id,
      from_user_id: dice.between(1, USERS),
      to_user_id: to,
      item_id: dice.between(1, ITEMS),
      rating,
      date: TODAY * 100 + id,
      comment: `Comment ${id}`,
    }),
    statement('UPDATE users SET rating = rating + ? WHERE id = ?', rating, to),
  ];
}

const ITEM = `SELECT id, seller_id, name, description, initial_price, quantity, buy_now, nb_of_bids, max_bid, end_date
  FROM items WHERE id = ?`;
const USER = 'SELECT id, firstname, lastname, nickname, rating, creation_date FROM users WHERE id = ?';
const LISTED = 'i.id, i.name, i.initial_price, i.max_bid, i.nb_of_bids, i.end_date';

function categories(ask: Ask): void {
  ask('categories', 'SELECT id, name FROM categories ORDER BY name');
}

function search(category: number, offset: number): Page {
  return {
    url: `/search?category=${category}&from=${offset}`,
    answer(ask) {
      ask('category', 'SELECT id, name FROM categories WHERE id = ?', category);
      ask(
        'items of category',
        `SELECT ${LISTED} FROM items i WHERE i.category_id = ? AND i.end_date >= ?
         ORDER BY i.end_date, i.id LIMIT ${PAGE} OFFSET ?`,
        category,
        TODAY,
        offset,
      );
    },
  };
}

function searchRegion(category: number, region: number): Page {
  return {
    url: `/search?category=${category}&region=${region}`,
    answer(ask) {
      ask('region', 'SELECT id, name FROM regions WHERE id = ?', region);
      ask(
        'items of category and region',
        `SELECT ${LISTED} FROM items i JOIN users u ON u.id = i.seller_id
         WHERE i.category_id = ? AND u.region_id = ? AND i.end_date >= ?
         ORDER BY i.end_date, i.id LIMIT ${PAGE}`,
        category,
        region,
        TODAY,
      );
    },
  };
}

function viewItem(path: string, id: number): Page {
  return {
    url: `${path}?id=${id}`,
    answer(ask) {
      const [item] = ask('item', ITEM, id);
      if (item !== undefined) ask('seller', 'SELECT id, nickname FROM users WHERE id = ?', item[1] as number);
    },
  };
}

function viewBids(id: number): Page {
  return {
    url: `/bids?item=${id}`,
    answer(ask) {
      ask('name of item', 'SELECT id, name FROM items WHERE id = ?', id);
      ask(
        'bids of item',
        `SELECT b.id, b.bid, b.qty, b.date, b.user_id, u.nickname FROM bids b JOIN users u ON u.id = b.user_id
         WHERE b.item_id = ? ORDER BY b.date DESC, b.id DESC`,
        id,
      );
    },
  };
}

function userWithComments(ask: Ask, id: number): void {
  ask('user', USER, id);
  ask(
    'comments on user',
    `SELECT c.id, c.rating, c.date, c.comment, c.from_user_id, u.nickname
     FROM comments c JOIN users u ON u.id = c.from_user_id WHERE c.to_user_id = ? ORDER BY c.date DESC, c.id DESC`,
    id,
  );
}

function aboutMe(id: number): Page {
  return {
    url: `/about-me?user=${id}`,
    answer(ask) {
      ask('user', USER, id);
      ask(
        'auctions bid on',
        `SELECT ${LISTED}, b.id, b.max_bid FROM bids b JOIN items i ON i.id = b.item_id
         WHERE b.user_id = ? AND i.end_date >= ? ORDER BY b.id`,
        id,
        TODAY,
      );
      ask('items sold', `SELECT ${LISTED} FROM items i WHERE i.seller_id = ? ORDER BY i.end_date, i.id`, id);
      ask(
        'items bought',
        `SELECT n.id, n.qty, n.date, i.id, i.name, i.buy_now FROM buy_now n JOIN items i ON i.id = n.item_id
         WHERE n.buyer_id = ? ORDER BY n.id`,
        id,
      );
    },
  };
}

function requests(dice: Dice): Requests {
  const items = new Zipf(dice, ITEMS);
  const users = new Zipf(dice, USERS);
  const pages = new Zipf(dice, 6, 1.5);
  const categoriesByRank = new Zipf(dice, CATEGORIES, 0.7);
  const regionsByRank = new Zipf(dice, REGIONS, 0.7);
  const next = { users: USERS, items: ITEMS, bids: BIDS, comments: COMMENTS, bought: 0 };
  const buy = (): Statement[] => {
    const item = items.spread();
    const buyer = users.spread();
    return [
      insert('buy_now', { id: ++next.bought, buyer_id: buyer, item_id: item, qty: 1, date: TODAY }),
      statement('UPDATE items SET quantity = MAX(quantity - 1, 0) WHERE id = ?', item),
    ];
  };
  return {
    // The mix says that 15 % write; pages without a query (forms, the home page) are left out, the rest is in proportion.
    reads: {
      browseCategories: { weight: 7.2, page: () => ({ url: '/categories', answer: categories }) },
      browseRegions: {
        weight: 2.3,
        page: () => ({
          url: '/regions',
          answer: (ask) => void ask('regions', 'SELECT id, name FROM regions ORDER BY name'),
        }),
      },
      searchCategory: { weight: 25, page: () => search(categoriesByRank.spread(), PAGE * pages.rank()) },
      searchRegion: { weight: 8, page: () => searchRegion(categoriesByRank.spread(), regionsByRank.spread()) },
      viewItem: { weight: 21, page: () => viewItem('/item', items.spread()) },
      bidForm: { weight: 10.5, page: () => viewItem('/bid', items.spread()) },
      viewBids: { weight: 3.5, page: () => viewBids(items.spread()) },
      viewUser: {
        weight: 5.5,
        page: () => {
          const id = users.spread();
          return { url: `/user?id=${id}`, answer: (ask) => userWithComments(ask, id) };
        },
      },
      aboutMe: { weight: 2, page: () => aboutMe(users.spread()) },
    },
    writes: {
      storeBid: { weight: 10.5, write: () => newBid(dice, { id: ++next.bids, item: items.spread() }) },
      storeComment: { weight: 1, write: () => newComment(dice, { id: ++next.comments, to: users.spread() }) },
      buyNow: { weight: 1.4, write: buy },
      registerItem: { weight: 1, write: () => [newItem(dice, ++next.items, users.spread())] },
      registerUser: { weight: 1.1, write: () => [newUser(dice, ++next.users)] },
    },
  };
}
