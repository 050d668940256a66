/**
 * Agents that keep a ledger: each start and end of an attempt is on the disk before anything follows from it. Arguments: url, and
 * as JSON the settings `ChaosAgentSettings`.
 */
import { Agent, AttemptStopped, type HandlerContext, StepError } from '../../../src/agent-sdk/index.ts';
import { sleep, systemClock } from '../../../src/core/clock.ts';
import { Ledger, nowMs } from '../ledger.ts';
import { AGAIN, durationOf, FLAKY, ONCE, resultOf, type Work } from '../work.ts';

export interface ChaosAgentSettings {
  readonly id: string;
  readonly ledger: string;
  readonly slots: number;
}

const [url = '', text = '{}'] = process.argv.slice(2);
// Written by the test that started this process.
const { id, ledger: file, slots } = JSON.parse(text) as ChaosAgentSettings;
const ledger = new Ledger(file);
const agent = new Agent({ id, slots, url, place: `place-of-${id}` });

async function work(input: Work, { attempt, signal, progress }: HandlerContext): Promise<string> {
  const { runId, step, number, capability } = attempt;
  const line = { pid: process.pid, runId, step, number };
  const end = (how: 'done' | 'failed' | 'stopped'): void => ledger.write({ ...line, what: 'end', how, t: nowMs() });
  ledger.write({ ...line, what: 'start', t: nowMs(), agent: id, instance: agent.instanceId, capability });
  // Whoever sees it knows that the attempt is accepted, too.
  progress(0.1, 'begun');
  try {
    await sleep(systemClock, durationOf(input) / 2, signal);
    progress(0.5, 'half of it');
    await sleep(systemClock, durationOf(input) / 2, signal);
  } catch (error) {
    end('stopped');
    throw error instanceof AttemptStopped ? error : signal.reason;
  }
  if (capability === FLAKY && attempt.try === 1) {
    end('failed');
    throw new StepError('FLAKY', 'the first try fails');
  }
  end('done');
  return resultOf(input);
}

agent.handle<Work>(ONCE, work);
agent.handle<Work>(FLAKY, work);
agent.handle<Work>(AGAIN, work, { idempotent: true });
process.on('disconnect', () => process.exit(0));
// Not before it is connected, which may take as long as the network is gone.
void agent.start({ timeoutMs: 600_000 }).catch((error: unknown) => {
  process.stderr.write(`agent ${id}: ${String(error)}\n`);
  process.exit(1);
});
process.send?.({ pid: process.pid });
