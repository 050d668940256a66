/** Registers a workflow in one of its forms, by that form's own entrance, and lets a situation come to a run of it. */
import { fromJsonString } from '@bufbuild/protobuf';
import { parse } from 'yaml';
import type { RunEvent } from '../../../src/control-plane/engine/events.ts';
import { WorkflowSchema } from '../../../src/gen/yardmaster/v1/workflow_pb.ts';
import type { MockAgent, TestMesh, TestRun } from '../../../src/testing/index.ts';
import type { Entry, Form, Outcome, Situation } from './entry.ts';
import { NAME, protoFrame, yamlFrame } from './frame.ts';

/** Answers the version and the content's hash. */
export async function registerForm(mesh: TestMesh, { forms, also = [] }: Entry, form: Form): Promise<string> {
  for (const other of also) await mesh.registerWorkflow(other);
  const { registerWorkflow } = mesh.orchestrator.api.workflows;
  const yaml = yamlFrame(forms.yaml, forms.end?.yaml);
  switch (form) {
    case 'typed':
    case 'plain': {
      const { workflow } = await mesh.registerWorkflow(forms[form]());
      return `${workflow.version} ${workflow.hash}`;
    }
    case 'yaml': {
      const { workflow } = await mesh.registerWorkflow({ yaml, file: 'covered.yaml' });
      return `${workflow.version} ${workflow.hash}`;
    }
    case 'json': {
      const source = { text: JSON.stringify(parse(yaml)), file: 'covered.json' };
      const { workflow } = await registerWorkflow({ definition: { case: 'source', value: source } });
      return `${workflow?.version} ${workflow?.hash}`;
    }
    case 'proto': {
      const value = fromJsonString(WorkflowSchema, JSON.stringify(protoFrame(forms.proto, forms.end?.proto)));
      const { workflow } = await registerWorkflow({ definition: { case: 'workflow', value } });
      return `${workflow?.version} ${workflow?.hash}`;
    }
  }
}

export interface Played {
  readonly run: TestRun;
  /** What `after` got, for each time that it ran. */
  readonly after: readonly unknown[];
  /** The history right before a pause ended. */
  readonly paused: readonly string[] | undefined;
}

export async function playSituation(mesh: TestMesh, situation: Situation, outcome: Outcome): Promise<Played> {
  const agents: MockAgent[] = [agentFor(mesh, 'first', situation, outcome)];
  const run = await mesh.startWorkflow(NAME, outcome.params ?? { n: 1 });
  if (situation === 'loss') agents.push(agentFor(mesh, 'second', 'success', outcome));
  await mesh.advance('2m');
  if (situation === 'restart') await mesh.restart();
  if (situation === 'cancel') await run.cancel();
  if (situation === 'pause') await mesh.orchestrator.pauseRun(run.id);
  await outcome.meanwhile?.(mesh, run);
  await mesh.advance('20m');
  const paused = situation === 'pause' ? historyOf(run.journal()) : undefined;
  if (situation === 'pause') await mesh.orchestrator.resumeRun(run.id);
  await mesh.advance('20m');
  const calls = agents.flatMap((agent) => agent.calls).filter(({ action }) => action === 'after');
  return { run, after: calls.map(({ input }) => input), paused };
}

/** Work takes five minutes, unless the situation says otherwise. */
function agentFor(mesh: TestMesh, id: string, situation: Situation, { beforeTakes = '0s' }: Outcome): MockAgent {
  const agent = mesh.agent(id);
  agent.setResponse('before', { n: 1 }).setDelay('before', beforeTakes);
  agent.setResponse('work', ({ n }) => ({ done: n })).setDelay('work', '5m');
  agent.setResponse('other', null).setResponse('after', null).failWith('broken', 'BROKEN');
  if (situation === 'failure') agent.failWith('work', 'NO').setDelay('work', 0);
  if (situation === 'timeout' || situation === 'cancel') agent.setDelay('work', Number.POSITIVE_INFINITY);
  if (situation === 'loss') agent.crashOn('work');
  return agent;
}

/** Every attempt of a run with its outcome and its minutes, counted from `zero`. */
export function historyOf(events: readonly RunEvent[], zero = events[0]?.at ?? 0): readonly string[] {
  const minute = (at: number | undefined): string => (at === undefined ? '?' : `${Math.round((at - zero) / 60_000)}`);
  return events.flatMap((event) => {
    if (event.type !== 'AttemptStarted') return [];
    const { path, number } = event;
    const end = events.find((other) => other.type === 'AttemptEnded' && other.path === path && other.number === number);
    const outcome = end?.type === 'AttemptEnded' ? end.outcome : 'OPEN';
    return [`${path}#${number} ${outcome} ${minute(event.at)}-${minute(end?.at)}`];
  });
}

/** The same of all other runs of the mesh, the oldest first, with the name of their workflow in front. */
export async function historyOfOthers(mesh: TestMesh, run: TestRun): Promise<readonly string[]> {
  const runs = await mesh.orchestrator.listRuns();
  const others = runs.filter(({ runId }) => runId !== run.id).toReversed();
  const zero = run.journal()[0]?.at;
  return others.flatMap(({ runId, workflow }) =>
    historyOf(mesh.journal(runId), zero).map((line) => `${workflow}/${line}`),
  );
}
