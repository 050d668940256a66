/**
 * A control plane that can be killed and started again on the same file and port. Arguments: file, port, and as JSON the settings
 * `ControlPlaneSettings`. Answers `figures`, for which it must be started with `--expose-gc`.
 */
import { startServer } from '../../../src/control-plane/main.ts';
import { createLogger } from '../../../src/control-plane/telemetry/logger.ts';
import { PrometheusMetrics } from '../../../src/control-plane/telemetry/metrics.ts';
import { takeGrpcLogs } from '../../../src/control-plane/transport/grpc-logs.ts';

export interface ControlPlaneSettings {
  readonly beatIntervalMs?: number;
  readonly lossWindowMs?: number;
  /** Writes what happens to standard error, warnings and above. */
  readonly logs?: boolean;
}

export interface ControlPlaneFigures {
  /** Bytes, after a collection. */
  readonly rss: number;
  readonly heap: number;
  /** Buffers: what waits to be read or written. */
  readonly external: number;
  /** CPU time of all threads so far, the collection left out. */
  readonly cpuUs: number;
}

const [file = '', port = '0', text = '{}'] = process.argv.slice(2);
const { logs = false, ...settings } = JSON.parse(text) as ControlPlaneSettings;
const logger = createLogger({ level: 'warn' });
if (logs) takeGrpcLogs(logger);
const server = await startServer({
  port: Number(port),
  store: { kind: 'sqlite', file },
  ...settings,
  ...(logs ? { logger } : {}),
  metrics: new PrometheusMetrics(),
});
process.on('disconnect', () => process.exit(0));
process.on('SIGTERM', () => void server.stop().then(() => process.exit(0)));
process.on('message', (question) => {
  if (question === 'figures') process.send?.(figures());
});
process.send?.({ url: server.url, port: server.port, recovered: server.controlPlane.recovered });

function figures(): ControlPlaneFigures {
  const { user, system } = process.cpuUsage();
  globalThis.gc?.();
  globalThis.gc?.();
  const { rss, heapUsed, external } = process.memoryUsage();
  return { rss, heap: heapUsed, external, cpuUs: user + system };
}
