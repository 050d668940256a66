/** Calls on every run that fits a filter: a stream of answers, each in the place of the one before, the last one with `done`. */
import { YardmasterError } from '../core/errors.ts';

/** The answers. Throws UNREACHABLE when they end before the last one. `what`: such as `all runs were cancelled`. */
export async function* untilDone<Answer extends { readonly done: boolean }>(
  answers: AsyncIterable<Answer>,
  what: string,
): AsyncGenerator<Answer> {
  let isDone = false;
  for await (const answer of answers) {
    isDone = answer.done;
    yield answer;
  }
  if (isDone) return;
  throw new YardmasterError('UNREACHABLE', `Cannot say whether ${what}: the answer ended early`, {
    next: 'repeat the call',
  });
}
