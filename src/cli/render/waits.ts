/** Steps that no agent has: they wait for a time, for a signal or for a child run. */
import type { RunCallView, RunView, StepView } from '../../client/index.ts';
import { shortId } from '../../core/ids.ts';
import { payloadHint } from './form.ts';
import { runTail, safe } from './text.ts';

export function isHeldKind(kind: StepView['kind']): boolean {
  return kind === 'WAIT' || kind === 'SIGNAL' || kind === 'WORKFLOW';
}

/** `signal release from ops or lead: Release 1.2?` */
export function signalNote({ signal }: StepView): string {
  if (signal === undefined) return 'a signal';
  const who = signal.answerers.length === 0 ? '' : ` from ${signal.answerers.map(safe).join(' or ')}`;
  return `signal ${safe(signal.name)}${who}${signal.title === '' ? '' : `: ${safe(signal.title)}`}`;
}

/** `run 9c41e7b2 of etl v3` */
export function childNote({ child }: StepView): string {
  return child === undefined
    ? 'its run to start'
    : `run ${shortId(child.runId)} of ${safe(child.workflow)} v${child.version}`;
}

/** `run 9c41e7b2 of mail.send@^1 by mailer failed: UPSTREAM_DOWN` */
export function callNote({ runId, capability, agent, version, status, failureCode }: RunCallView): string {
  const range = version === undefined ? '' : `@${safe(version)}`;
  const whom = agent === undefined ? '' : ` by ${safe(agent)}`;
  const isPlain = status === 'COMPLETED' || status === 'RUNNING';
  const word = isPlain ? '' : ` ${status.toLowerCase().replace('_', ' ')}`;
  const why = failureCode === undefined ? '' : `: ${safe(failureCode)}`;
  return `run ${shortId(runId)} of ${safe(capability)}${range}${whom}${word}${why}`;
}

/** What to type for the first step that waits for a signal; undefined: none does. */
export function signalHint(run: RunView): string | undefined {
  const step = run.steps.find(({ status, signal }) => status === 'WAITING' && signal !== undefined);
  if (step?.signal === undefined) return undefined;
  const { name, form } = step.signal;
  return `next: yardmaster runs signal ${runTail(run.runId)} ${safe(name)}${payloadHint(form)}`;
}
