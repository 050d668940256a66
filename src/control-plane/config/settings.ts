/**
 * Every setting of the control plane: its place in the file, its type, its default and what it means to an operator.
 * `npm run gen` writes docs/configuration.md and examples/yardmaster.yaml from it.
 */
import { z } from 'zod';
import { parseDuration, unitDuration } from '../../core/duration.ts';
import { isAddress } from '../../core/host-port.ts';
import { limits, STUCK_OVERDUE_FACTOR, times } from '../../core/limits.ts';

/** What the documentation says of a setting and its schema cannot. */
export interface SettingMeta {
  /** For people, as a sentence without its first capital and full stop. */
  readonly description: string;
  /** Of `yardmaster serve`, where it has one. */
  readonly flag?: string;
}

/** What it says of a type, in Markdown. */
export interface ValuesMeta {
  readonly values: string;
}

/** Longest time that a stop may be told to wait; service managers kill after 90 s. */
const STOP_GRACE_MS_MAX = 60_000;
export const STOP_GRACE_MS = 3_000;
/** More than one process can serve. */
const STREAMS_SETTING_MAX = 1_000_000;
/** Of the variables that are secrets. */
export const SECRET_VARIABLES = 'YARDMASTER_SECRET_';
/** Of a wrong value in a message. */
const SHOWN_CHARS = 80;

function duration(leastMs: number, mostMs = Number.POSITIVE_INFINITY) {
  const least = leastMs > 0 ? `, at least ${unitDuration(leastMs)}` : '';
  const most = Number.isFinite(mostMs) ? `, at most ${unitDuration(mostMs)}` : '';
  const values = `duration${least}${most}`;
  return z
    .unknown()
    .transform((value, context): number => {
      const ms = typeof value === 'string' || typeof value === 'number' ? parseDuration(value) : undefined;
      if (ms !== undefined && ms >= leastMs && ms <= mostMs) return ms;
      const shown = JSON.stringify(value).slice(0, SHOWN_CHARS);
      context.addIssue({ code: 'custom', message: `must be a ${values}, such as 500ms, 30s, 5m or 14d, not ${shown}` });
      return z.NEVER;
    })
    .meta({ values } satisfies ValuesMeta);
}

const text = z
  .string({ error: 'must be text' })
  .min(1, 'must not be empty')
  .meta({ values: 'text' } satisfies ValuesMeta);
const variablePrefix = z
  .string({ error: 'must be text' })
  .regex(/^[A-Za-z_][A-Za-z0-9_]*$/, 'must be letters, digits and "_", as variables are')
  .meta({ values: 'text' } satisfies ValuesMeta);
/** Variables are text. Not `z.coerce`, which reads "" and null as 0. */
const port = z
  .union([z.int(), z.string().regex(/^\d+$/).transform(Number)], { error: 'must be a whole number' })
  .refine((value) => value >= 0 && value <= 65_535, 'must be from 0 to 65535')
  .meta({ values: '0 to 65535' } satisfies ValuesMeta);
/** Variables are text. */
function count(most: number) {
  return z
    .union([z.int(), z.string().regex(/^\d+$/).transform(Number)], { error: 'must be a whole number' })
    .refine((value) => value >= 1 && value <= most, `must be from 1 to ${most}`)
    .meta({ values: `1 to ${most}` } satisfies ValuesMeta);
}

/** Variables are text. */
const factor = z
  .union(
    [
      z.number(),
      z
        .string()
        .regex(/^\d+(\.\d+)?$/)
        .transform(Number),
    ],
    { error: 'must be a number' },
  )
  .refine((value) => value === 0 || value >= 1, 'must be 0, or at least 1')
  .meta({ values: '0, or a number from 1' } satisfies ValuesMeta);
const flag = z
  .union([z.boolean(), z.enum(['true', 'false']).transform((value) => value === 'true')], {
    error: 'must be true or false',
  })
  .meta({ values: '`true`, `false`' } satisfies ValuesMeta);

function oneOf<const Names extends readonly [string, ...string[]]>(...names: Names) {
  const values = names.map((name) => `\`${name}\``).join(', ');
  return z.enum(names, { error: `must be one of ${names.join(', ')}` }).meta({ values } satisfies ValuesMeta);
}

/** Variables are text. */
const addresses = z
  .union([z.array(z.string()), z.string().transform(listed)], { error: 'must be a list of host:port' })
  .refine((list) => list.length <= limits.moveAddressesMax, `must be at most ${limits.moveAddressesMax} addresses`)
  .refine((list) => list.every(isAddress), 'must be host:port each, such as 10.0.0.2:7420 or [fd00::2]:7420')
  .meta({ values: 'list of `host:port`; in a variable with commas between' } satisfies ValuesMeta);

function listed(value: string): string[] {
  const parts = value.split(',').map((part) => part.trim());
  return parts.filter((part) => part !== '');
}

const maybeText = z.string({ error: 'must be text' }).meta({ values: 'text' } satisfies ValuesMeta);
const maybeUrl = z
  .string({ error: 'must be text' })
  .refine((value) => value === '' || /^https?:$/.test(URL.parse(value)?.protocol ?? ''), 'must be an http or https URL')
  .meta({ values: 'URL' } satisfies ValuesMeta);

function severity<const Default extends 'critical' | 'error' | 'warning' | 'info'>(value: Default, of: string) {
  return oneOf('critical', 'error', 'warning', 'info', 'off')
    .default(value)
    .meta({ description: `severity ${of}; \`off\`: no alert` } satisfies SettingMeta);
}

function group<Shape extends z.ZodRawShape>(shape: Shape) {
  return z.strictObject(shape, {
    error: (issue) =>
      issue.code === 'invalid_type' ? `must be a group of ${Object.keys(shape).join(', ')}` : undefined,
  });
}

export const settingsSchema = z.strictObject({
  listen: group({
    host: text.default('127.0.0.1').meta({
      flag: '--host',
      description: 'address to listen on; others than loopback need `allowNonLoopback`',
    } satisfies SettingMeta),
    port: port.default(7420).meta({
      flag: '--port',
      description: 'the one port, for agents, API and pages; 0: any free one',
    } satisfies SettingMeta),
    allowNonLoopback: flag.default(false).meta({
      flag: '--allow-non-loopback',
      description:
        'listen on an address that other machines can reach. There is no authentication: everyone who can reach it can do everything',
    } satisfies SettingMeta),
    channelz: flag.default(false).meta({
      flag: '--channelz',
      description:
        'count connections, calls and messages of gRPC and show them, with the addresses of peers, as `grpc.channelz.v1`',
    } satisfies SettingMeta),
    agentStreams: count(STREAMS_SETTING_MAX)
      .default(limits.streamsMax)
      .meta({
        description: 'agent streams that may be open at once; one more is refused with LIMIT_REACHED',
      } satisfies SettingMeta),
    agentStreamsPerAddress: count(STREAMS_SETTING_MAX)
      .default(limits.streamsPerAddressMax)
      .meta({
        description: 'those of one address, of IPv6 of one /64; an agent that moves has two for a moment',
      } satisfies SettingMeta),
  }).prefault({}),
  store: group({
    kind: oneOf('sqlite', 'memory')
      .default('sqlite')
      .meta({
        flag: '--store memory',
        description: 'where runs are kept. `memory`: everything is lost at the end',
      } satisfies SettingMeta),
    file: text.default('./yardmaster.db').meta({
      flag: '--store',
      description:
        'file of the SQLite store, made when it is not there; from the working directory. Its disk must keep what is synced to it',
    } satisfies SettingMeta),
  }).prefault({}),
  retention: duration(0)
    .default(times.retentionMs)
    .meta({
      flag: '--retention',
      description: 'how long a finished run and an entry of the audit log are kept; 0: for ever',
    } satisfies SettingMeta),
  lossWindow: duration(1_000)
    .default(times.lossWindowMs)
    .meta({
      flag: '--loss-window',
      description:
        'how long an agent that is cut off may take to come back before its work that is not idempotent is given up for lost; steps and capabilities can say otherwise',
    } satisfies SettingMeta),
  beatInterval: duration(100)
    .default(times.beatIntervalMs)
    .meta({
      description: `time between beats of an agent; it is suspected after ${times.suspectBeats} that are missing and cut off after ${times.silentBeats}`,
    } satisfies SettingMeta),
  stopGrace: duration(0, STOP_GRACE_MS_MAX)
    .default(STOP_GRACE_MS)
    .meta({
      description: 'how long open streams and calls may take to end by themselves at a stop',
    } satisfies SettingMeta),
  goAwayAddresses: addresses.default([]).meta({
    description:
      'other control planes, `host:port` each, where agents go when this one stops: they say Hello there, then leave here. Empty: they come back to the address they have. Two control planes share no store, so what runs here is stopped there',
  } satisfies SettingMeta),
  stuck: group({
    idle: duration(1_000)
      .default(times.stuckIdleMs)
      .meta({
        description:
          'a run is stuck when nothing is under way for so long that could bring it on: no attempt, no timer, no wait with a reason',
      } satisfies SettingMeta),
    noAgent: duration(0)
      .default(times.stuckNoAgentMs)
      .meta({
        description:
          'a run is stuck when a step waits so long for an agent that is not there, and no timeout will end that; 0: never',
      } satisfies SettingMeta),
    overdueFactor: factor.default(STUCK_OVERDUE_FACTOR).meta({
      description:
        'a run is stuck when an attempt takes so many times what its step usually takes, and longer than each of the last that completed; 0: never',
    } satisfies SettingMeta),
    overdue: duration(0)
      .default(times.stuckOverdueMs)
      .meta({ description: 'no attempt is overdue before this, whatever is usual' } satisfies SettingMeta),
  }).prefault({}),
  alerts: group({
    url: maybeUrl
      .default('')
      .meta({ description: 'where alerts are sent, one POST of JSON each; empty: nowhere' } satisfies SettingMeta),
    secret: maybeText.default('').meta({
      description:
        'alerts are signed with it: `x-yardmaster-signature` is `v1=` and the HMAC-SHA-256 in hex of `x-yardmaster-timestamp`, a dot and the body; empty: not signed',
    } satisfies SettingMeta),
    repeatAfter: duration(0)
      .default(300_000)
      .meta({
        description: 'an alert of the same kind about the same is sent again after this time; until then it is counted',
      } satisfies SettingMeta),
    runFailed: severity('error', 'of a run that FAILED'),
    runTimedOut: severity('error', 'of a run that TIMED_OUT'),
    stuck: severity('warning', 'of an open run that does not go on, once for each incident'),
    agentLost: severity('warning', 'of an instance that was cut off and did not come back within its loss window'),
    storeFailing: severity('critical', 'of a store that cannot be written'),
    storeMended: severity('info', 'of a store that can be written again'),
  }).prefault({}),
  secrets: group({
    provider: oneOf('env', 'file')
      .default('env')
      .meta({
        description:
          'where the values of secrets come from: variables of this process, or a folder with one file per secret',
      } satisfies SettingMeta),
    prefix: variablePrefix.default(SECRET_VARIABLES).meta({
      description: 'of `env`: what the variables begin with; secret `DB` is the variable `YARDMASTER_SECRET_DB`',
    } satisfies SettingMeta),
    folder: text.default('./secrets').meta({
      description: 'of `file`: the folder, from the working directory; secret `DB` is its file `DB`',
    } satisfies SettingMeta),
  }).prefault({}),
  log: group({
    level: oneOf('debug', 'info', 'warn', 'error', 'silent')
      .default('info')
      .meta({
        flag: '--log-level',
        description: 'least level that is written; `serve` on a terminal without a configuration file takes `warn`',
      } satisfies SettingMeta),
  }).prefault({}),
});

/** Durations are milliseconds. */
export type Config = z.output<typeof settingsSchema>;

const settings: ReadonlyMap<string, z.ZodType> = new Map(settingsOf(settingsSchema, ''));

/** Paths of all settings, such as `listen.port`. */
export const settingPaths: readonly string[] = [...settings.keys()];

/** Variables of this program that are not settings of the control plane, and what they are. */
export const otherVariables: Readonly<Record<string, string>> = {
  YARDMASTER_CONFIG: 'file of settings that `yardmaster serve` reads; `--config` goes before it',
  YARDMASTER_URL: 'address of the control plane, for agents, clients and commands; default `http://127.0.0.1:7420`',
  YARDMASTER_ACTOR:
    'the name under which the audit log (`yardmaster audit`) shows the calls of clients and commands; others send it as the metadata `x-yardmaster-actor`. Nothing proves it',
};

/** `YARDMASTER_LOSS_WINDOW` is `lossWindow`, `YARDMASTER_LISTEN_PORT` is `listen.port`. */
export function variableOf(path: string): string {
  return `YARDMASTER_${path
    .replaceAll('.', '_')
    .replaceAll(/([a-z])([A-Z])/g, '$1_$2')
    .toUpperCase()}`;
}

/** `--port` of `listen.port`; the path itself where there is no flag. */
export function flagOf(path: string): string {
  const flag = settings.get(path)?.meta()?.flag;
  return typeof flag === 'string' ? flag.replace(/ .*/, '') : `--${path}`;
}

function settingsOf(schema: z.ZodType, prefix: string): readonly (readonly [string, z.ZodType])[] {
  const inner = unwrap(schema);
  if (!(inner instanceof z.ZodObject)) return [[prefix, schema]];
  return Object.entries<z.ZodType>(inner.shape).flatMap(([key, child]) =>
    settingsOf(child, prefix === '' ? key : `${prefix}.${key}`),
  );
}

function unwrap(schema: z.ZodType): z.ZodType {
  return schema instanceof z.ZodPrefault ? unwrap(schema.unwrap() as z.ZodType) : schema;
}
