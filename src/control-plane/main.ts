/**
 * The composition root: the only place that knows every part. One list of start and stop order:
 *
 * start: store -> runtime (takes up what was open) -> listener (agents and clients come in).
 * stop: runtime stops admitting and tells the agents -> what is being committed -> listener -> store.
 */
import { createHash } from 'node:crypto';
import { sleep, systemClock } from '../core/clock.ts';
import { times } from '../core/limits.ts';
import { type Logger, silentLogger } from '../core/logger.ts';
import { type Metrics, noMetrics } from '../core/metrics.ts';
import { systemRandom } from '../core/random.ts';
import type { SecretProvider } from '../core/secret-provider.ts';
import { createAgentService } from './api/agent-service.ts';
import { mountServices } from './api/services.ts';
import { type ConfigSources, loadConfig } from './config/load-config.ts';
import { type Config, SECRET_VARIABLES, STOP_GRACE_MS } from './config/settings.ts';
import { GuardedChecks } from './parameters/guarded.ts';
import { type RunningControlPlane, type StuckThresholds, startControlPlane } from './runtime/assembly.ts';
import { createEnvSecrets } from './security/env-secrets.ts';
import { createFileSecrets } from './security/file-secrets.ts';
import { createMemoryStore, openSqliteStore, type Store } from './store/index.ts';
import type { StoreStats } from './store/port.ts';
import { type AlertRules, AlertSink } from './telemetry/alert-sink.ts';
import { createLogger } from './telemetry/logger.ts';
import { PrometheusMetrics } from './telemetry/metrics.ts';
import { createWebhook } from './telemetry/webhook.ts';
import { type BoundService, bindService } from './transport/grpc-adapter.ts';
import { takeGrpcLogs } from './transport/grpc-logs.ts';
import { Listener } from './transport/listener.ts';
import type { StreamCapsOptions } from './transport/stream-caps.ts';

export interface ServerOptions {
  /** Default 127.0.0.1. */
  readonly host?: string;
  /** Default 7420; 0: any free one. */
  readonly port?: number;
  /** Needed for an address that other machines reach: there is no authentication yet. Default false. */
  readonly allowNonLoopback?: boolean;
  /** Agent streams that may be open, in all and from one address. Default 20,000 and 10,000. */
  readonly agentStreams?: number;
  readonly agentStreamsPerAddress?: number;
  /** Shows connections and calls of gRPC as `grpc.channelz.v1`. Default false. */
  readonly channelz?: boolean;
  readonly store: { readonly kind: 'sqlite'; readonly file: string } | { readonly kind: 'memory' };
  /** Default 30 s. */
  readonly lossWindowMs?: number;
  /** Default 5 s. */
  readonly beatIntervalMs?: number;
  /** Where agents go when the server stops, as `host:port` of other control planes. Default: back to the same address. */
  readonly goAwayAddresses?: readonly string[];
  /** How long finished runs are kept; 0: for ever. Default 14 days. */
  readonly retentionMs?: number;
  /** How long open streams and calls may take to end by themselves at a stop. Default 3 s. */
  readonly stopGraceMs?: number;
  /** When an open run counts as stuck; as the settings `stuck` of docs/configuration.md. */
  readonly stuck?: Partial<StuckThresholds>;
  /** Where secrets of workflows come from. Default: variables that begin with `YARDMASTER_SECRET_`. */
  readonly secrets?: SecretProvider;
  readonly logger?: Logger;
  readonly metrics?: Metrics & { readonly contentType: string; read(): Promise<string> };
  /** Where alerts are sent; absent: nowhere. */
  readonly alerts?: AlertsOptions;
  /** The store cannot be mended or belongs to another process now. Default: the server stops. */
  readonly onFatal?: (error: Error) => void;
}

/** The settings `alerts` of docs/configuration.md. */
export interface AlertsOptions {
  readonly url: string;
  readonly secret?: string;
  readonly repeatAfterMs: number;
  readonly rules: AlertRules;
}

export interface Server {
  /** `http://host:port`: agents, API and pages. */
  readonly url: string;
  readonly port: number;
  readonly controlPlane: RunningControlPlane;
  stats(): StoreStats;
  /** Resolves when everything is durable and closed, a few seconds after `stopGraceMs` at most. A second call waits for the first. */
  stop(): Promise<void>;
}

/** Rejects with STORE_OWNED, SCHEMA_NEWER, STORE_CORRUPT, PORT_IN_USE, NON_LOOPBACK. */
export async function startServer(options: ServerOptions): Promise<Server> {
  const { host = '127.0.0.1', port = 7420, logger = silentLogger } = options;
  const clock = systemClock;
  const node = createNodeName();
  let stopped: Promise<void> | undefined;
  const onFatal = options.onFatal ?? (() => void stop());
  const store = createStore(options, `http://${host}:${port}`, onFatal);
  const alerts = createAlerts(options, node);
  const controlPlane = await startControlPlane({
    ...settingsOf(options),
    ...(alerts === undefined ? {} : { alerts }),
    node,
    clock,
    random: systemRandom,
    store,
    parameterChecks: new GuardedChecks(),
    sha256: (bytes) => createHash('sha256').update(bytes).digest(),
    logger,
    secrets: options.secrets ?? createEnvSecrets(SECRET_VARIABLES),
    onFatal,
  });
  const listener = createListener(options, controlPlane, node);
  const listening = await listener.listen().catch(async (error: unknown) => {
    await controlPlane.stop();
    throw error;
  });
  const shutDown = async (): Promise<void> => {
    const closing = listener.stop({ graceMs: options.stopGraceMs ?? STOP_GRACE_MS });
    await controlPlane.stop();
    await closing;
    if (alerts !== undefined) await Promise.race([alerts.flush(), sleep(clock, options.stopGraceMs ?? STOP_GRACE_MS)]);
  };
  const stop = (): Promise<void> => {
    stopped ??= shutDown();
    return stopped;
  };
  return { ...listening, controlPlane, stats: () => store.stats(), stop };
}

/**
 * The server as flags, environment and file say, with JSON logs on standard error and metrics. Throws CONFIG_INVALID, and
 * rejects as `startServer` does.
 */
export async function startConfiguredServer(
  sources: ConfigSources,
  onFatal: (error: Error) => void,
): Promise<{ readonly server: Server; readonly config: Config }> {
  const config = loadConfig(sources);
  const {
    alerts,
    listen,
    store,
    stuck,
    lossWindow,
    beatInterval,
    retention,
    stopGrace,
    goAwayAddresses,
    secrets,
    log,
  } = config;
  const logger = createLogger({ level: log.level });
  takeGrpcLogs(logger);
  const server = await startServer({
    ...listen,
    store: store.kind === 'memory' ? { kind: 'memory' } : { kind: 'sqlite', file: store.file },
    lossWindowMs: lossWindow,
    beatIntervalMs: beatInterval,
    retentionMs: retention,
    stopGraceMs: stopGrace,
    goAwayAddresses,
    stuck: {
      idleMs: stuck.idle,
      noAgentMs: stuck.noAgent,
      overdueFactor: stuck.overdueFactor,
      overdueMs: stuck.overdue,
    },
    ...alertsOf(alerts),
    secrets: secrets.provider === 'file' ? createFileSecrets(secrets.folder) : createEnvSecrets(secrets.prefix),
    logger,
    metrics: new PrometheusMetrics(),
    onFatal,
  });
  return { server, config };
}

/** The API of a control plane, bound once for every transport. */
export function bindServices(controlPlane: RunningControlPlane): readonly BoundService[] {
  const bound: BoundService[] = [];
  mountServices({ controlPlane, clock: systemClock }, (service, impl) => bound.push(bindService(service, impl)));
  return bound;
}

function createListener(options: ServerOptions, controlPlane: RunningControlPlane, node: string): Listener {
  const {
    host = '127.0.0.1',
    port = 7420,
    allowNonLoopback = false,
    channelz = false,
    logger = silentLogger,
    metrics = noMetrics,
  } = options;
  const clock = systemClock;
  return new Listener({
    host,
    port,
    allowNonLoopback,
    channelz,
    node,
    services: bindServices(controlPlane),
    openSession: createAgentService({ controlPlane, clock, metrics, logger }),
    health: controlPlane,
    isReady: () => controlPlane.isReady(),
    streamCaps: streamCapsOf(options, metrics),
    leaveMs: (options.goAwayAddresses ?? []).length > 0 ? times.moveMs : 0,
    metrics: options.metrics ?? { contentType: 'text/plain', read: async () => '' },
    clock,
    logger,
  });
}

function streamCapsOf({ agentStreams, agentStreamsPerAddress }: ServerOptions, metrics: Metrics): StreamCapsOptions {
  return {
    ...(agentStreams === undefined ? {} : { max: agentStreams }),
    ...(agentStreamsPerAddress === undefined ? {} : { perAddressMax: agentStreamsPerAddress }),
    onRefused: (limit) => metrics.streamRefused(limit),
  };
}

function createAlerts({ alerts, logger = silentLogger }: ServerOptions, node: string): AlertSink | undefined {
  if (alerts === undefined) return undefined;
  const { url, secret = '', repeatAfterMs, rules } = alerts;
  const now = (): number => Math.floor(systemClock.now() / 1_000);
  const post = createWebhook({ url, secret, now });
  return new AlertSink({ clock: systemClock, random: systemRandom, logger, node, rules, repeatAfterMs, post });
}

function alertsOf(settings: Config['alerts']): { readonly alerts?: AlertsOptions } {
  const { url, secret, repeatAfter, ...rules } = settings;
  return url === '' ? {} : { alerts: { url, secret, repeatAfterMs: repeatAfter, rules } };
}

function createStore({ store }: ServerOptions, address: string, onFatal: (error: Error) => void): Store {
  return store.kind === 'memory'
    ? createMemoryStore()
    : openSqliteStore({ file: store.file, address, clock: systemClock, onFatal });
}

function settingsOf(
  options: ServerOptions,
): Pick<ServerOptions, 'lossWindowMs' | 'beatIntervalMs' | 'retentionMs' | 'goAwayAddresses' | 'metrics' | 'stuck'> {
  const { lossWindowMs, beatIntervalMs, retentionMs, goAwayAddresses, metrics, stuck } = options;
  return {
    ...(goAwayAddresses === undefined ? {} : { goAwayAddresses }),
    ...(lossWindowMs === undefined ? {} : { lossWindowMs }),
    ...(beatIntervalMs === undefined ? {} : { beatIntervalMs }),
    ...(retentionMs === undefined ? {} : { retentionMs }),
    ...(metrics === undefined ? {} : { metrics }),
    ...(stuck === undefined ? {} : { stuck }),
  };
}

/** A random name, shown in logs and in Welcome: `n-4e1c`. */
function createNodeName(): string {
  return `n-${Buffer.from(systemRandom.bytes(2)).toString('hex')}`;
}
