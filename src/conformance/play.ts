/** Plays situations, several at once, and tells how each ended. */
import type { AgentLauncher } from './agent-launcher.ts';
import { Breach, Unsupported } from './breach.ts';
import { inspect } from './inspect.ts';
import { mannersOf, type Situation } from './situation.ts';
import { Stage } from './stage.ts';

export type Outcome = {
  readonly name: string;
  readonly title: string;
  readonly clauses: readonly string[];
  readonly durationMs: number;
} & (
  | { readonly verdict: 'pass' }
  | { readonly verdict: 'unsupported'; readonly fact: string }
  | ({ readonly verdict: 'fail' } & Failure)
);

export interface Failure {
  /** The clauses that were broken. */
  readonly broken: readonly string[];
  readonly expected: string;
  readonly came: string;
  /** The last frames of the situation. */
  readonly frames: readonly string[];
  /** The last lines that the agent wrote. */
  readonly output: readonly string[];
}

export interface PlayOptions {
  readonly launch: AgentLauncher;
  /** Situations at once. */
  readonly jobs: number;
  /** Multiplies the times that an agent has for something. */
  readonly patience: number;
  /** Ends what is being played; the rest is not begun. */
  readonly signal?: AbortSignal;
  /** Called when a situation is over, in the order in which they end. */
  readonly onOutcome?: (outcome: Outcome) => void;
}

/** The kit's environment; a situation may change it. */
const ENV = { YARDMASTER_AGENT_ID: 'examined', YARDMASTER_SLOTS: '4', YARDMASTER_GRACE_MS: '1500' };
const FRAMES_SHOWN = 14;

/** The outcomes in the order of the situations. */
export async function playAll(situations: readonly Situation[], options: PlayOptions): Promise<readonly Outcome[]> {
  const outcomes = new Map<Situation, Outcome>();
  const waiting = [...situations];
  const work = async (): Promise<void> => {
    for (let situation = waiting.shift(); situation !== undefined; situation = waiting.shift()) {
      if (options.signal?.aborted === true) return;
      const outcome = await playOne(situation, options);
      outcomes.set(situation, outcome);
      options.onOutcome?.(outcome);
    }
  };
  await Promise.all(Array.from({ length: Math.max(1, options.jobs) }, work));
  return situations.flatMap((situation) => outcomes.get(situation) ?? []);
}

async function playOne(situation: Situation, { launch, patience, signal }: PlayOptions): Promise<Outcome> {
  const { name, title, clauses } = situation;
  const startedAt = performance.now();
  const env = { ...ENV, ...situation.env };
  const stage = new Stage({ launch, patience, env, manners: mannersOf(situation) });
  const abort = (): void => void stage.kill();
  signal?.addEventListener('abort', abort, { once: true });
  const end = await endOf(situation, stage).finally(() => stage.close());
  signal?.removeEventListener('abort', abort);
  return { name, title, clauses, durationMs: performance.now() - startedAt, ...end };
}

async function endOf(situation: Situation, stage: Stage) {
  try {
    if (situation.isBefore !== true) {
      await stage.port.open();
      stage.launch();
      await stage.arrive();
    }
    await situation.play(stage);
    // What an agent says too much comes right after what it should say.
    await stage.nextBeat();
    inspect(stage);
    return { verdict: 'pass' as const };
  } catch (error) {
    if (error instanceof Unsupported) return { verdict: 'unsupported' as const, fact: error.message };
    if (!(error instanceof Breach)) throw error;
    const { clauses: broken, expected, came } = inspected(stage) ?? error;
    const frames = stage.tape.tail(FRAMES_SHOWN);
    return { verdict: 'fail' as const, broken, expected, came, frames, output: stage.output() };
  }
}

/** A clause that holds everywhere says more than what followed from its breach. */
function inspected(stage: Stage): { clauses: readonly string[]; expected: string; came: string } | undefined {
  try {
    inspect(stage);
    return undefined;
  } catch (error) {
    if (!(error instanceof Breach)) throw error;
    return error;
  }
}
