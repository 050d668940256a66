/** The failures of steps whose time was over, with durations as people write them. */
import { unitDuration } from '../../core/duration.ts';
import { attemptsOf } from './attempts.ts';
import type { Failure } from './events.ts';
import type { Step } from './state.ts';

/** `totalTimeout` spans all tries, so what the last of them failed with is said, too: the time alone explains nothing. */
export function totalTimeoutFailure(step: Step): Failure {
  const { node, path } = step;
  const ofThisTry = attemptsOf(step).slice(step.detail?.olderAttempts ?? 0);
  const last = ofThisTry.findLast(({ failure }) => failure !== undefined)?.failure;
  const cause = last === undefined ? '' : `; its last failure: ${last.code} ${last.message}`;
  return {
    code: 'TOTAL_TIMEOUT',
    message: `"${path}" took longer than its totalTimeout of ${unitDuration(node.totalTimeoutMs ?? 0)}${cause}`,
    path,
  };
}
