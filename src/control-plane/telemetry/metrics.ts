/** The numbers of one control plane for Prometheus, in a registry of their own: several may live in one process. */
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';
import type {
  AttemptEndedHow,
  DropReason,
  EndedHow,
  FrameKind,
  Gauges,
  Metrics,
  StuckHow,
  TickOutcome,
} from '../../core/metrics.ts';

/** Seconds. A commit takes 0.1 ms to some ms; a wait may take minutes. */
const COMMIT_BUCKETS = [0.0002, 0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.5, 2];
const WAIT_BUCKETS = [0.001, 0.005, 0.02, 0.1, 0.5, 1, 5, 15, 60, 300, 1_800];
const BATCH_BUCKETS = [1, 3, 10, 30, 100, 300, 1_000, 3_000, 10_000];

export class PrometheusMetrics implements Metrics {
  readonly registry = new Registry();
  readonly contentType = this.registry.contentType;
  private readonly runsStarted = this.counter('runs_started_total', 'Runs that began');
  private readonly runsEnded = this.counter('runs_ended_total', 'Runs that ended', 'status');
  private readonly attemptsStarted = this.counter('attempts_started_total', 'Attempts that were assigned');
  private readonly attemptsEnded = this.counter('attempts_ended_total', 'Attempts that ended', 'outcome');
  private readonly stepsEnded = this.counter('steps_ended_total', 'Steps that became terminal', 'status');
  private readonly queueWait = this.histogram('queue_wait_seconds', 'From READY to assigned', WAIT_BUCKETS);
  private readonly commitTime = this.histogram('commit_seconds', 'One durable group commit', COMMIT_BUCKETS);
  private readonly commitEvents = this.histogram('commit_events', 'Events of one group commit', BATCH_BUCKETS);
  private readonly commitBytes = this.counter('commit_bytes_total', 'Bytes of blobs that were committed');
  private readonly commitsFailed = this.counter('commits_failed_total', 'Group commits that failed and were redone');
  private readonly framesReceived = this.counter('frames_received_total', 'Frames from agents', 'kind');
  private readonly framesSent = this.counter('frames_sent_total', 'Frames to agents', 'kind');
  private readonly framesIgnored = this.counter('frames_ignored_total', 'Frames and entries of an unknown kind');
  private readonly streams = this.gauge('streams', 'Agent streams that are open');
  private readonly refusals = this.counter('streams_refused_total', 'Agent streams over the limit', 'limit');
  private readonly overflows = this.counter('stream_overflows_total', 'Streams ended because the agent did not read');
  private readonly droppedItems = this.counter('dropped_total', 'Live items that were let go', 'reason');
  private readonly scheduleTicks = this.counter('schedule_ticks_total', 'Ticks of schedules', 'outcome');
  private readonly runsStuck = this.counter('runs_stuck_total', 'Incidents of runs that do not go on', 'reason');

  constructor() {
    collectDefaultMetrics({ register: this.registry, prefix: 'yardmaster_process_' });
  }

  read(): Promise<string> {
    return this.registry.metrics();
  }

  runStarted(): void {
    this.runsStarted.inc();
  }

  runEnded(status: EndedHow): void {
    this.runsEnded.inc({ status });
  }

  attemptStarted(): void {
    this.attemptsStarted.inc();
  }

  attemptEnded(outcome: AttemptEndedHow): void {
    this.attemptsEnded.inc({ outcome });
  }

  stepEnded(status: EndedHow): void {
    this.stepsEnded.inc({ status });
  }

  queueWaited(ms: number): void {
    this.queueWait.observe(ms / 1_000);
  }

  committed(ms: number, events: number, bytes: number): void {
    this.commitTime.observe(ms / 1_000);
    this.commitEvents.observe(events);
    this.commitBytes.inc(bytes);
  }

  commitFailed(): void {
    this.commitsFailed.inc();
  }

  frameReceived(kind: FrameKind): void {
    this.framesReceived.inc({ kind });
  }

  frameSent(kind: FrameKind): void {
    this.framesSent.inc({ kind });
  }

  frameIgnored(): void {
    this.framesIgnored.inc();
  }

  streamOpened(): void {
    this.streams.inc();
  }

  streamClosed(): void {
    this.streams.dec();
  }

  streamOverflowed(): void {
    this.overflows.inc();
  }

  streamRefused(limit: 'address' | 'total'): void {
    this.refusals.inc({ limit });
  }

  dropped(reason: DropReason, count: number): void {
    this.droppedItems.inc({ reason }, count);
  }

  scheduleTicked(outcome: TickOutcome, count: number): void {
    this.scheduleTicks.inc({ outcome }, count);
  }

  runStuck(reason: StuckHow): void {
    this.runsStuck.inc({ reason });
  }

  observe(gauges: Gauges): void {
    for (const name of ['instances', 'slots', 'waiting_steps', 'open_runs', 'stuck_runs', 'queued_runs']) {
      this.registry.removeSingleMetric(`yardmaster_${name}`);
    }
    this.asked('instances', 'Instances by state', 'state', () => Object.entries(gauges.instances()));
    this.asked('slots', 'Slots that instances claim, and those that are taken', 'kind', () => {
      const { total, used } = gauges.slots();
      return [
        ['total', total],
        ['used', used],
      ];
    });
    this.asked('waiting_steps', 'Steps that wait for an instance', undefined, () => [['', gauges.waitingSteps()]]);
    this.asked('open_runs', 'Runs that began and have not ended', undefined, () => [['', gauges.openRuns()]]);
    this.asked('stuck_runs', 'Open runs that do not go on', undefined, () => [['', gauges.stuckRuns()]]);
    const queued = 'Runs that wait for a place among those of their workflow';
    this.asked('queued_runs', queued, undefined, () => [['', gauges.queuedRuns()]]);
  }

  private counter<L extends string>(name: string, help: string, label?: L): Counter<L> {
    return new Counter({ name: `yardmaster_${name}`, help, labelNames: labels(label), registers: [this.registry] });
  }

  private histogram(name: string, help: string, buckets: readonly number[]): Histogram {
    return new Histogram({ name: `yardmaster_${name}`, help, buckets: [...buckets], registers: [this.registry] });
  }

  private gauge(name: string, help: string): Gauge {
    return new Gauge({ name: `yardmaster_${name}`, help, registers: [this.registry] });
  }

  /** A gauge that is read when somebody scrapes. */
  private asked(
    name: string,
    help: string,
    label: string | undefined,
    read: () => readonly (readonly [string, number])[],
  ): void {
    new Gauge({
      name: `yardmaster_${name}`,
      help,
      labelNames: labels(label),
      registers: [this.registry],
      collect() {
        for (const [value, count] of read()) this.set(label === undefined ? {} : { [label]: value }, count);
      },
    });
  }
}

function labels<L extends string>(label: L | undefined): L[] {
  return label === undefined ? [] : [label];
}
