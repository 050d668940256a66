/** What a Hello says of the attempts that an agent has. Pure. */
import type { HeldAttempt } from '../gen/yardmaster/v1/hello_pb.ts';
import type { AgentStream } from './agent-stream.ts';
import { check } from './breach.ts';

export function heldText(held: readonly HeldAttempt[]): string {
  const list = held.map(({ attemptId, finished }) => `${attemptId} ${finished ? 'finished' : 'at work'}`);
  return list.length === 0 ? 'an empty list' : list.join(', ');
}

/** Throws unless the Hello lists exactly these, in any order: true is finished. */
export function checkHeld(
  { hello }: AgentStream,
  expected: Readonly<Record<string, boolean>>,
  clauses: readonly string[] = ['H-7'],
): void {
  const held = hello?.held ?? [];
  const names = Object.keys(expected);
  const isRight =
    held.length === names.length && held.every(({ attemptId, finished }) => expected[attemptId] === finished);
  const text = names.map((id) => `${id} ${expected[id] === true ? 'finished' : 'at work'}`).join(', ');
  check(isRight, clauses, `held: ${text === '' ? 'an empty list' : text}`, heldText(held));
}
