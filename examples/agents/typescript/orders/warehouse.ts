/** The warehouse: one SQLite file. Loading the same orders again changes nothing. */
import { DatabaseSync } from 'node:sqlite';
import type { PricedOrder } from './order.ts';

export function loadOrders(path: string, orders: readonly PricedOrder[]): { readonly rows: number } {
  using database = new DatabaseSync(path);
  database.exec('CREATE TABLE IF NOT EXISTS orders (number TEXT PRIMARY KEY, currency TEXT, total REAL, euros REAL)');
  database.exec('BEGIN');
  const insert = database.prepare('INSERT OR REPLACE INTO orders (number, currency, total, euros) VALUES (?, ?, ?, ?)');
  for (const { number, currency, total, euros } of orders) insert.run(number, currency, total, euros);
  database.exec('COMMIT');
  return { rows: orders.length };
}
