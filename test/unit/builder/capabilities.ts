import { z } from 'zod';
import { capability } from '../../../src/core/capability.ts';

const Row = z.object({ id: z.int(), species: z.string().optional() });

export const extract = capability('extract', {
  input: z.object({ table: z.string(), limit: z.int().optional() }),
  output: z.object({ rows: z.array(Row), bytes: z.int(), source: z.enum(['db', 'api']) }),
  idempotent: true,
  timeout: '1m',
  version: '1.2.0',
});

export const clean = capability('clean', {
  input: z.object({ rows: z.array(Row) }),
  output: z.object({ kept: z.int(), rows: z.array(Row) }),
});

export const notify = capability('notify', {
  input: z.object({ text: z.string().default('done') }),
  output: z.object({ delivered: z.boolean().default(true) }),
});
