/** Every setting of the control plane: its place in the file, its type and its default. */
import { z } from 'zod';
import { parseDuration } from '../../core/duration.ts';
import { times } from '../../core/limits.ts';

const duration = z
  .union([z.string(), z.number()])
  .transform((value, context) => {
    const ms = parseDuration(value);
    if (ms !== undefined) return ms;
    context.addIssue({
      code: 'custom',
      message: `${JSON.stringify(value)} is not a duration such as 500ms, 30s, 5m or 14d`,
    });
    return z.NEVER;
  })
  .describe('duration');

function atLeast(minMs: number, text: string) {
  return duration.refine((ms) => ms >= minMs, { message: `is shorter than ${text}` });
}

const port = z.coerce.number().int().min(0).max(65_535);
const flag = z.union([z.boolean(), z.enum(['true', 'false']).transform((text) => text === 'true')]);

export const settingsSchema = z.strictObject({
  listen: z
    .strictObject({
      host: z.string().min(1).default('127.0.0.1').describe('Address of the port'),
      port: port.default(7420).describe('The one port; 0: any free one'),
      allowNonLoopback: flag
        .default(false)
        .describe('Allow an address that other machines can reach, without TLS and auth'),
    })
    .prefault({}),
  store: z
    .strictObject({
      kind: z.enum(['sqlite', 'memory']).default('sqlite').describe('memory: everything is lost at the end'),
      file: z.string().min(1).default('./yardmaster.db').describe('File of the SQLite store'),
    })
    .prefault({}),
  retention: duration.default(times.retentionMs).describe('How long a finished run is kept; 0: for ever'),
  lossWindow: atLeast(1_000, '1 s')
    .default(times.lossWindowMs)
    .describe('How long a lost instance may take to come back'),
  beatInterval: atLeast(100, '100 ms').default(times.beatIntervalMs).describe('Time between beats of an agent'),
  stopGrace: duration.default(times.stopGraceMs).describe('Longest time to end open streams at a stop'),
  log: z
    .strictObject({
      level: z
        .enum(['debug', 'info', 'warn', 'error', 'silent'])
        .default('info')
        .describe('Least level that is written'),
    })
    .prefault({}),
});

/** Durations are milliseconds. */
export type Config = z.output<typeof settingsSchema>;

/** Paths of all settings, such as `listen.port`. */
export const settingPaths: readonly string[] = pathsOf(settingsSchema, '');

function pathsOf(schema: z.ZodType, prefix: string): readonly string[] {
  const inner = unwrap(schema);
  if (!(inner instanceof z.ZodObject)) return [prefix];
  return Object.entries<z.ZodType>(inner.shape).flatMap(([key, child]) =>
    pathsOf(child, prefix === '' ? key : `${prefix}.${key}`),
  );
}

function unwrap(schema: z.ZodType): z.ZodType {
  return schema instanceof z.ZodPrefault ? unwrap(schema.unwrap() as z.ZodType) : schema;
}
