/** What commands on every run that fits a filter have in common: asking first, saying how far it is, naming the runs. */
import { shortId } from '../core/ids.ts';
import { type Context, say } from './context.ts';
import { isForPeople, printItem, printText } from './print.ts';
import { count, plural } from './render/text.ts';

const IDS_SHOWN = 5;
/** Between two words on how far it is. */
const SILENCE_MS = 2_000;

/** How far a bulk call is, as every one of them says it. */
export type BulkAnswer = Parameters<typeof printItem>[1]['message'] & {
  readonly matched: number;
  readonly runIds: readonly string[];
  readonly done: boolean;
};

/** The last answer. `tell` words how far it is; undefined: nobody needs to know. */
export async function lastAnswer<Answer extends BulkAnswer>(
  context: Context,
  answers: AsyncIterable<Answer>,
  tell: ((answer: Answer) => string) | undefined,
): Promise<Answer> {
  const { terminal } = context;
  let toldAt = terminal.now();
  let last: Answer | undefined;
  for await (const answer of answers) {
    last = answer;
    if (answer.done || tell === undefined || terminal.now() - toldAt < SILENCE_MS) continue;
    toldAt = terminal.now();
    say(context, tell(answer));
  }
  // Its last answer says so, or it throws.
  if (last === undefined) throw new TypeError('the stream ended without an answer');
  return last;
}

/** Shows which runs fit and asks; without a person there is nobody to ask, and nothing to ask when none fits. */
export async function isConfirmed(context: Context, verb: string, look: () => Promise<BulkAnswer>): Promise<boolean> {
  const { ask } = context.terminal;
  if (ask === undefined) return true;
  const { matched, runIds } = await look();
  if (matched === 0) return true;
  say(context, idsOf(matched, runIds));
  return /^y(es)?$/i.test((await ask(`${verb} ${plural(matched, 'run')}? [y/N] `)).trim());
}

/** For programs; answers false for people. */
export function printAnswer(context: Context, message: BulkAnswer): boolean {
  if (isForPeople(context)) return false;
  if (context.format === 'name') for (const runId of message.runIds) printText(context, runId);
  else printItem(context, { message, name: '', text: () => '' });
  return true;
}

/** `  9c41e7b2 0b7d91c0 and 29 more` */
export function idsOf(matched: number, runIds: readonly string[]): string {
  const shown = runIds.slice(0, IDS_SHOWN).map(shortId);
  const rest = matched - shown.length;
  return `  ${shown.join(' ')}${rest > 0 ? ` and ${count(rest)} more` : ''}`;
}
