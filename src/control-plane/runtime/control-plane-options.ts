/** What a control plane is started with: its seams (clock, randomness, store), its settings, and their defaults. */
import { type Alerts, noAlerts } from '../../core/alerts.ts';
import type { Clock } from '../../core/clock.ts';
import { times } from '../../core/limits.ts';
import { type Logger, silentLogger } from '../../core/logger.ts';
import { type Metrics, noMetrics } from '../../core/metrics.ts';
import type { Random } from '../../core/random.ts';
import type { SecretProvider } from '../../core/secret-provider.ts';
import type { ParameterChecks } from '../parameters/port.ts';
import type { Store } from '../store/port.ts';
import type { ControlPlane } from './control-plane.ts';
import type { Recovered } from './recovery.ts';
import type { StuckThresholds } from './stuck.ts';

export interface ControlPlaneOptions {
  readonly node: string;
  readonly clock: Clock;
  readonly random: Random;
  /** Not opened yet. */
  readonly store: Store;
  /** Closed at the stop. */
  readonly parameterChecks: ParameterChecks;
  readonly sha256: (bytes: Uint8Array) => Uint8Array;
  readonly logger?: Logger;
  readonly metrics?: Metrics;
  readonly alerts?: Alerts;
  readonly lossWindowMs?: number;
  readonly beatIntervalMs?: number;
  readonly retentionMs?: number;
  /** Where agents go when it stops, as `host:port`. Default: the same address. */
  readonly goAwayAddresses?: readonly string[];
  /** When an open run counts as stuck. Defaults: `times` in core/limits.ts, and a factor of 3. */
  readonly stuck?: Partial<StuckThresholds>;
  /** Completed runs that are read at the start, for estimates; 0: none. Default 100. */
  readonly pastRunsRead?: number;
  /** Where secrets of workflows come from; without one every secret is missing. */
  readonly secrets?: SecretProvider;
  /** Another node took over, or the store cannot be mended: the process should end with exit code 70. */
  readonly onFatal?: (error: Error) => void;
}

export interface RunningControlPlane extends ControlPlane {
  readonly recovered: Recovered;
  /** When something is due next, wall ms; for virtual clocks. */
  nextTimer(): number | undefined;
  /** True while a commit is being written or a run is being loaded; false while the store is in trouble and time must pass. */
  isBusy(): boolean;
}

/** The options with their defaults. */
export class Given {
  readonly options: ControlPlaneOptions & { readonly epoch: number };
  readonly clock: Clock;
  readonly store: Store;
  readonly logger: Logger;
  readonly metrics: Metrics;
  readonly alerts: Alerts;
  readonly node: string;
  readonly lossWindowMs: number;
  readonly beatIntervalMs: number;

  constructor(options: ControlPlaneOptions & { readonly epoch: number }) {
    this.options = options;
    this.clock = options.clock;
    this.store = options.store;
    this.node = options.node;
    this.logger = options.logger ?? silentLogger;
    this.metrics = options.metrics ?? noMetrics;
    this.alerts = options.alerts ?? noAlerts;
    this.lossWindowMs = options.lossWindowMs ?? times.lossWindowMs;
    this.beatIntervalMs = options.beatIntervalMs ?? times.beatIntervalMs;
  }

  readonly hex = (bytes: Uint8Array): string =>
    Array.from(this.options.sha256(bytes), (byte) => byte.toString(16).padStart(2, '0')).join('');
}
