/** An agent that does what its script says, over the real stream: for trying a control plane and workflows out. */

import { createGrpcLinks } from '../agent-sdk/grpc-link.ts';
import { Agent, HandBack, type HandlerContext, StepError } from '../agent-sdk/index.ts';
import { type Clock, sleep, systemClock } from '../core/clock.ts';
import { CuttableLinks } from './cuttable-links.ts';
import type { FakeAnswer, FakeScript } from './script.ts';

export interface FakeAgentOptions {
  readonly script: FakeScript;
  readonly url: string;
  readonly clock?: Clock;
  /** Ends the process, or what stands for it. */
  readonly crash: () => void;
  /** Hears a line about each attempt. */
  readonly tell?: (line: string) => void;
}

export interface FakeAgent {
  readonly agent: Agent;
  /** Loses the connection for so long. */
  readonly cut: (awayMs: number) => void;
}

const ECHO: FakeAnswer = {};

/** Not started. */
export function createFakeAgent({ script, url, crash, clock = systemClock, tell }: FakeAgentOptions): FakeAgent {
  const links = new CuttableLinks(createGrpcLinks({ url }));
  const agent = new Agent({ id: script.id, slots: script.slots, links });
  const cut = (awayMs: number): void => links.cut(awayMs);
  for (const [name, { answers, ...offered }] of Object.entries(script.capabilities)) {
    let count = 0;
    const handle = async (input: unknown, ctx: HandlerContext): Promise<unknown> => {
      const answer = answers[Math.min(count++, answers.length - 1)] ?? ECHO;
      tell?.(`${name} ${ctx.attempt.runId.slice(-4)}/${ctx.attempt.step}#${ctx.attempt.number}: ${describe(answer)}`);
      await goTheWay(answer, ctx, { clock, cut });
      return end(answer, input, ctx, crash);
    };
    agent.handle(name, handle, withoutGaps(offered));
  }
  return { agent, cut };
}

/** What happens before the end. */
async function goTheWay(
  { after = 0, progress = 0, checkpoint, flood = 0, cut: awayMs }: FakeAnswer,
  ctx: HandlerContext,
  { clock, cut }: { readonly clock: Clock; readonly cut: (awayMs: number) => void },
): Promise<void> {
  for (let i = 1; i <= progress; i++) {
    await sleep(clock, after / progress, ctx.signal);
    ctx.progress(i / progress, `${i} of ${progress}`);
  }
  if (progress === 0 && after > 0) await sleep(clock, after, ctx.signal);
  if (checkpoint !== undefined) ctx.checkpoint(checkpoint);
  for (let i = 1; i <= flood; i++) ctx.log.info(`line ${i} of ${flood}`);
  if (awayMs !== undefined) cut(awayMs);
}

function end(answer: FakeAnswer, input: unknown, { signal }: HandlerContext, crash: () => void): unknown {
  if (answer.fail !== undefined) {
    const { code, message = `the script fails with ${code}`, retryAfter, ...how } = answer.fail;
    throw new StepError(code, message, withoutGaps({ ...how, retryAfterMs: retryAfter }));
  }
  if (answer.handBack !== undefined) throw new HandBack(answer.handBack);
  if (answer.crash === true) crash();
  if (answer.crash === true || answer.silent === true) return untilStopped(signal);
  return answer.reply === undefined ? input : answer.reply;
}

function untilStopped(signal: AbortSignal): Promise<never> {
  return new Promise((_resolve, reject) => {
    const stop = (): void => reject(signal.reason);
    if (signal.aborted) stop();
    else signal.addEventListener('abort', stop, { once: true });
  });
}

function describe({ after = 0, cut, fail, handBack, silent, crash, reply }: FakeAnswer): string {
  const parts = [after > 0 ? `after ${after} ms` : '', cut === undefined ? '' : `cut for ${cut} ms`];
  if (fail !== undefined) parts.push(`fails with ${fail.code}`);
  else if (handBack !== undefined) parts.push('hands it back');
  else if (silent === true) parts.push('says nothing more');
  else if (crash === true) parts.push('crashes');
  else parts.push(reply === undefined ? 'gives its input back' : 'replies');
  return parts.filter((part) => part !== '').join(', ');
}

type Given<T> = { [K in keyof T]?: Exclude<T[K], undefined> };

/** What was left out stays left out. */
function withoutGaps<T extends object>(how: T): Given<T> {
  // The entries are those of `how` whose value is not undefined.
  return Object.fromEntries(Object.entries(how).filter(([, value]) => value !== undefined)) as Given<T>;
}
