import { describe, expect, it } from 'vitest';
import { PrometheusMetrics } from '../../../src/control-plane/telemetry/metrics.ts';

describe('the metrics', () => {
  it('count what happens and ask for what is', async () => {
    const metrics = new PrometheusMetrics();
    metrics.stepEnded('COMPLETED');
    metrics.stepEnded('COMPLETED');
    metrics.attemptEnded('LOST');
    metrics.committed(3, 20, 4_096);
    metrics.queueWaited(250);
    metrics.frameReceived('beat');
    metrics.frameIgnored();
    metrics.dropped('log', 7);
    metrics.runStuck('OVERDUE');
    let waiting = 1;
    metrics.observe({
      instances: () => ({ READY: 2, CORDONED: 0, DRAINING: 0, SUSPECT: 0, UNREACHABLE: 1, LOST: 0 }),
      slots: () => ({ total: 8, used: 3 }),
      waitingSteps: () => waiting,
      openRuns: () => 4,
      stuckRuns: () => 2,
      queuedRuns: () => 6,
    });
    waiting = 5;
    const text = await metrics.read();
    for (const line of [
      'yardmaster_steps_ended_total{status="COMPLETED"} 2',
      'yardmaster_attempts_ended_total{outcome="LOST"} 1',
      'yardmaster_commit_seconds_count 1',
      'yardmaster_commit_events_sum 20',
      'yardmaster_queue_wait_seconds_bucket{le="0.5"} 1',
      'yardmaster_frames_received_total{kind="beat"} 1',
      'yardmaster_frames_ignored_total 1',
      'yardmaster_dropped_total{reason="log"} 7',
      'yardmaster_instances{state="READY"} 2',
      'yardmaster_slots{kind="used"} 3',
      'yardmaster_waiting_steps 5',
      'yardmaster_open_runs 4',
      'yardmaster_queued_runs 6',
      'yardmaster_stuck_runs 2',
      'yardmaster_runs_stuck_total{reason="OVERDUE"} 1',
    ]) {
      expect(text).toContain(line);
    }
  });

  it('may be observed again, and stands beside another in one process', async () => {
    const gauges = {
      instances: () => ({ READY: 0, CORDONED: 0, DRAINING: 0, SUSPECT: 0, UNREACHABLE: 0, LOST: 0 }),
      slots: () => ({ total: 0, used: 0 }),
      waitingSteps: () => 0,
      openRuns: () => 9,
      stuckRuns: () => 0,
      queuedRuns: () => 0,
    };
    const [one, other] = [new PrometheusMetrics(), new PrometheusMetrics()];
    one.observe({ ...gauges, openRuns: () => 1 });
    one.observe(gauges);
    other.streamOpened();
    expect(await one.read()).toContain('yardmaster_open_runs 9');
    expect(await one.read()).toContain('yardmaster_streams 0');
    expect(await other.read()).toContain('yardmaster_streams 1');
  });
});
