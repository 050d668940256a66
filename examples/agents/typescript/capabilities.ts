/** What the agents of OptimizedDataProcessing offer, shared with the workflow that calls them. */
import { capability } from 'yardmaster/agent-sdk';
import { z } from 'zod';
import { Table } from './strikes/table.ts';
import { Summary } from './strikes/totals.ts';

export const extract = capability('extract', {
  description: 'All rows of a source, as they stand there',
  // An agent with one source needs no name for it.
  input: z.object({ source: z.string().optional() }),
  output: Table,
  idempotent: true,
});

export const clean = capability('clean', {
  description: 'Drops exact duplicates, types numbers, normalizes species; fails when nothing was to clean',
  input: z.object({ strikes: z.array(Table).min(1), airports: Table }),
  output: z.object({ strikes: Table, airports: Table, counts: z.record(z.string(), z.int()) }),
  idempotent: true,
});

export const transform = capability('transform', {
  description: 'Joins strikes with airports and counts them; works in durable chunks and goes on from a checkpoint',
  input: z.object({ strikes: Table, airports: Table }),
  output: Summary,
  idempotent: true,
});

/** Where a page was written. */
const Artifact = z.object({ path: z.string(), bytes: z.int().positive() });

export const generate = capability('generate', {
  description: 'Writes the report as one HTML file',
  input: Summary,
  output: Artifact,
  idempotent: true,
});

export const update = capability('update', {
  description: 'Replaces the dashboard page',
  input: Summary,
  output: Artifact,
  idempotent: true,
});

export const notify = capability('notify', {
  description: 'Posts one message to the webhook, with the idempotency key of the step',
  input: Summary,
  output: z.object({ status: z.int(), message: z.string() }),
});
