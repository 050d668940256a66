/** One scripted situation: what it is called, which clauses it is about, and how it goes. */
import type { Manners, Rules } from './agent-stream.ts';
import type { Stage } from './stage.ts';

export interface Situation {
  /** For `--only`: small words with hyphens. */
  readonly name: string;
  /** What the agent has to do, as a sentence without a subject. */
  readonly title: string;
  /** Clauses of docs/protocol.md; those of `inspect` hold in every situation. */
  readonly clauses: readonly string[];
  readonly rules?: Partial<Rules>;
  readonly manners?: Partial<Omit<Manners, 'rules'>>;
  /** Beside the variables that every agent gets. */
  readonly env?: Readonly<Record<string, string>>;
  /** True: the port is closed when `play` begins, and no agent runs yet. */
  readonly isBefore?: true;
  readonly play: (stage: Stage) => Promise<void>;
}

/** Short, so that the whole kit is; an agent goes by its Welcome (W-2). */
export const RULES: Rules = {
  beatIntervalMs: 200,
  silenceLimitMs: 10_000,
  lossWindowMs: 30_000,
  acceptDeadlineMs: 2_000,
  inlineValueBytesMax: 256 * 1024,
  blobBytesMax: 64 * 1024 * 1024,
};

export function mannersOf({ rules, manners }: Situation): Manners {
  return {
    welcomes: true,
    refusal: undefined,
    acksBeats: true,
    acksResults: true,
    acksChunks: true,
    ...manners,
    rules: { ...RULES, ...rules },
  };
}
