/** What the model of a run's journal says of journals that nobody wrote. */
import { describe, expect, it } from 'vitest';
import type { RunEvent } from '../../src/control-plane/engine/events.ts';
import { createMemoryData } from '../../src/control-plane/store/memory/memory-data.ts';
import { inlineValue } from '../../src/core/stored-value.ts';
import { NULL_VALUE } from '../../src/core/value.ts';
import type { WorkflowDefinition } from '../../src/workflow/definition.ts';
import { Verdict } from './failure.ts';
import { ChildModel } from './invariants/child-model.ts';
import { readDefinition } from './invariants/definition-info.ts';
import { RunModel } from './invariants/run-model.ts';
import { work } from './paper-history.ts';

describe('the model of a run', () => {
  it('lets the rest of the cleanup begin beside a killed child run once the next try is dropped', () => {
    const { model, take, verdict } = modelOf({
      name: 'W',
      retries: 1,
      steps: [work('a', [], { compensate: work('u') }), work('b', ['a'])],
      finally: [{ id: 'c', type: 'workflow', workflow: 'Other', dependencies: [] }],
    });
    take({ type: 'RunStarted', at: 1 }, { type: 'StepReady', at: 1, path: 'a', input: none });
    take({
      type: 'AttemptStarted',
      at: 1,
      path: 'a',
      number: 1,
      try: 1,
      agentId: 'x',
      instanceId: 'y',
      idempotent: false,
    });
    take({ type: 'AttemptEnded', at: 2, path: 'a', number: 1, outcome: 'COMPLETED' });
    take({ type: 'StepCompleted', at: 2, path: 'a', output: none });
    take({ type: 'StepFailed', at: 2, path: 'b', status: 'FAILED', failure: { code: 'NO', message: '' } });
    take({ type: 'RunEnding', at: 2, outcome: 'FAILED', cleanupUntil: 9 }, { type: 'StepWaiting', at: 2, path: 'c' });
    take({ type: 'ChildStarted', at: 2, path: 'c', runId: 'child', version: 1 });
    take({ type: 'StepCancelled', at: 9, path: 'c' });
    expect(model.abandoned).toEqual(['c']);
    take({ type: 'RunTryScheduled', at: 9, dueAt: 19 });
    expect({ abandoned: model.abandoned, waits: model.waitsForTry }).toEqual({ abandoned: ['c'], waits: true });
    take({ type: 'RunTryDropped', at: 19, cleanupUntil: 29 }, { type: 'StepReady', at: 19, path: 'u', input: none });
    expect({ abandoned: model.abandoned, waits: model.waitsForTry }).toEqual({ abandoned: [], waits: false });
    expect(verdict.message).toBe('');
  });
});

const none = inlineValue(NULL_VALUE);

function modelOf(definition: WorkflowDefinition) {
  const verdict = new Verdict();
  const children = new ChildModel(createMemoryData, verdict);
  const created: Extract<RunEvent, { type: 'RunCreated' }> = {
    type: 'RunCreated',
    at: 0,
    runId: 'r',
    namespace: 'default',
    workflow: definition.name,
    version: 1,
    params: none,
    priority: 'normal',
  };
  const complain = (invariant: string, message: string): void => verdict.fail(invariant, `${invariant}: ${message}`);
  const model = new RunModel({ created, infos: readDefinition(definition), tries: 2, children, complain });
  model.take(0, created);
  const take = (...events: readonly RunEvent[]): void => {
    for (const event of events) {
      model.take(model.position, event);
      if (event.type !== 'ChildStarted') continue;
      children.begin({ ...created, runId: event.runId, parent: { runId: 'r', path: event.path, depth: 1 } });
    }
  };
  return { model, take, verdict };
}
