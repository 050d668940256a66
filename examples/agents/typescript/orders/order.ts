/** Orders of a shop, whatever source they come from: pure functions. */
import { z } from 'zod';

/** As a source has it: anything may be wrong with it. */
export const RawOrder = z.record(z.string(), z.unknown());
export type RawOrder = z.infer<typeof RawOrder>;

export const Order = z.object({
  number: z.string().min(1),
  currency: z.string().length(3),
  total: z.number(),
});
export type Order = z.infer<typeof Order>;

export const PricedOrder = Order.extend({ euros: z.number() });
export type PricedOrder = z.infer<typeof PricedOrder>;

/** What became of the rows of all sources. */
export interface Cleaned {
  readonly orders: readonly Order[];
  readonly dropped: number;
}

/** Typed, once each by number; what has no number or no total is dropped. */
export function cleanOrders(sources: Readonly<Record<string, readonly RawOrder[]>>): Cleaned {
  const byNumber = new Map<string, Order>();
  let dropped = 0;
  for (const row of Object.values(sources).flat()) {
    const order = readOrder(row);
    if (order === undefined || byNumber.has(order.number)) dropped += 1;
    else byNumber.set(order.number, order);
  }
  return { orders: [...byNumber.values()].sort((a, b) => (a.number < b.number ? -1 : 1)), dropped };
}

function readOrder({ number, currency, total }: RawOrder): Order | undefined {
  const amount = typeof total === 'string' ? Number(total.trim().replace(',', '.')) : total;
  const read = Order.safeParse({
    number: String(number ?? '').trim(),
    currency: String(currency ?? 'EUR')
      .trim()
      .toUpperCase(),
    total: amount,
  });
  return read.success && Number.isFinite(read.data.total) ? read.data : undefined;
}

/** Why orders cannot be loaded; empty: nothing. */
export function findProblems(orders: readonly Order[]): readonly string[] {
  return orders.filter(({ total }) => total <= 0).map(({ number, total }) => `${number}: a total of ${total}`);
}

/** Orders in a currency without a rate are an error of whoever gave the rates. */
export function priceOrders(
  orders: readonly Order[],
  euros: Readonly<Record<string, number>>,
): { readonly priced: readonly PricedOrder[]; readonly unknown: readonly string[] } {
  const unknown = [...new Set(orders.map(({ currency }) => currency))].filter(
    (currency) => euros[currency] === undefined,
  );
  const priced = orders.map((order) => {
    return { ...order, euros: Math.round(order.total * (euros[order.currency] ?? 0) * 100) / 100 };
  });
  return { priced, unknown };
}
