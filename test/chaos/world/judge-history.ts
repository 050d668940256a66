/** What must hold of the history of one run, and of what the agents wrote down about it. */
import type { RunEvent } from '../../../src/client/run-event.ts';
import type { Execution } from './executions.ts';

export function judgeHistory(events: readonly RunEvent[], executions: readonly Execution[]): readonly string[] {
  const wrong: string[] = [];
  const durable = events.filter(({ position }) => position > 0);
  let last = 0;
  for (const { position } of durable) {
    if (position <= last) wrong.push(`position ${position} comes after ${last}`);
    last = position;
  }
  if (durable[0]?.type !== 'runStarted') wrong.push(`it begins with ${durable[0]?.type}`);
  const ends = durable.filter(({ type }) => type === 'runEnded');
  if (ends.length !== 1) wrong.push(`it ends ${ends.length} times`);
  if (durable.at(-1)?.type !== 'runEnded') wrong.push(`${durable.at(-1)?.type} comes after its end`);
  return [...wrong, ...judgeAttempts(durable), ...judgeExecutions(durable, executions)];
}

/** Numbers grow, each attempt ends once after it began, and nothing begins after its step has ended. */
function judgeAttempts(events: readonly RunEvent[]): readonly string[] {
  const wrong: string[] = [];
  const numbers = new Map<string, number>();
  const open = new Set<string>();
  const ended = new Set<string>();
  for (const event of events) {
    if (event.type === 'attemptStarted') {
      if (ended.has(event.step)) wrong.push(`${nameOf(event)} begins after its step has ended`);
      if (event.attempt !== (numbers.get(event.step) ?? 0) + 1) {
        wrong.push(`${nameOf(event)} comes after number ${numbers.get(event.step) ?? 0}`);
      }
      numbers.set(event.step, event.attempt);
      open.add(nameOf(event));
    }
    if (event.type === 'attemptEnded' && !open.delete(nameOf(event)))
      wrong.push(`${nameOf(event)} ends, and is not open`);
    if (event.type === 'stepEnded') {
      if (ended.has(event.step)) wrong.push(`step ${event.step} ends twice`);
      ended.add(event.step);
    }
  }
  for (const name of open) wrong.push(`${name} has no end`);
  return wrong;
}

/** Nobody runs what the journal does not know, and only who it says. */
function judgeExecutions(events: readonly RunEvent[], executions: readonly Execution[]): readonly string[] {
  const holders = new Map<string, string>();
  for (const event of events) if (event.type === 'attemptStarted') holders.set(nameOf(event), event.instance);
  const wrong: string[] = [];
  const seen = new Set<string>();
  for (const { step, number, instance } of executions) {
    const name = `${step}#${number}`;
    if (holders.get(name) !== instance) wrong.push(`${name} ran on ${instance}, and belongs to ${holders.get(name)}`);
    if (seen.has(name)) wrong.push(`${name} began twice`);
    seen.add(name);
  }
  return wrong;
}

function nameOf({ step, attempt }: { readonly step: string; readonly attempt: number }): string {
  return `${step}#${attempt}`;
}

/** The attempts whose result was accepted, by step. */
export function acceptedOf(events: readonly RunEvent[]): ReadonlyMap<string, number> {
  const accepted = new Map<string, number>();
  for (const event of events) {
    if (event.type === 'attemptEnded' && event.outcome === 'COMPLETED') accepted.set(event.step, event.attempt);
  }
  return accepted;
}

/** Three instances were lost while they held a step: the product ends it, whoever killed them. */
export function isPoisoned(events: readonly RunEvent[]): boolean {
  const lost = new Map<string, number>();
  for (const event of events) {
    if (event.type === 'attemptEnded' && event.outcome === 'LOST')
      lost.set(event.step, (lost.get(event.step) ?? 0) + 1);
  }
  return [...lost.values()].some((count) => count >= 3);
}
