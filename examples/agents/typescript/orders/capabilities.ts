/** What the agents of DataPipeline offer. */
import { capability } from 'yardmaster/agent-sdk';
import { z } from 'zod';
import { Order, PricedOrder, RawOrder } from './order.ts';

const rows = z.array(RawOrder);

export const readOrderDatabase = capability('read-order-database', {
  description: 'All orders of the shop',
  input: z.object({}),
  output: rows,
  idempotent: true,
});

export const readOrderApi = capability('read-order-api', {
  description: 'All orders of the marketplace, page by page',
  input: z.object({ key: z.string() }),
  output: rows,
  idempotent: true,
});

export const readOrderFiles = capability('read-order-files', {
  description: 'All orders of the partners, out of encrypted files',
  input: z.object({ passphrase: z.string() }),
  output: rows,
  idempotent: true,
});

export const clean = capability('clean-orders', {
  description: 'Types the rows, drops what is no order and what is there twice',
  input: z.record(z.string(), rows),
  output: z.object({ orders: z.array(Order), dropped: z.int() }),
  idempotent: true,
});

export const validate = capability('validate-orders', {
  description: 'Says what is wrong with orders',
  input: z.object({ orders: z.array(Order) }),
  output: z.object({ valid: z.boolean(), problems: z.array(z.string()) }),
  idempotent: true,
});

export const enrich = capability('enrich-orders', {
  description: 'Adds the total in euros',
  input: z.object({ orders: z.array(Order), euros: z.record(z.string(), z.number()) }),
  output: z.object({ orders: z.array(PricedOrder), euros: z.number() }),
  idempotent: true,
});

export const load = capability('load-orders', {
  description: 'Puts orders into the warehouse, in one transaction',
  input: z.object({ orders: z.array(PricedOrder) }),
  output: z.object({ rows: z.int() }),
  idempotent: true,
});

export const announce = capability('announce', {
  description: 'Posts one message to the webhook, with the idempotency key of the step',
  input: z.object({ message: z.string() }),
  output: z.object({ status: z.int() }),
});
