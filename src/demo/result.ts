/** What a demo did, as `--json` prints it. */
import type { WorkflowResult } from '../client/index.ts';

export interface DemoResult {
  readonly ok: boolean;
  readonly run: { readonly id: string; readonly status: string; readonly durationMs: number };
  readonly killed: Killed | null;
  readonly rerouted: Rerouted | null;
  readonly steps: readonly DemoStep[];
  readonly rows: { readonly in: number; readonly clean: number; readonly out: number };
  readonly artifacts: readonly string[];
  readonly notifications: number;
  /** What did not happen as it should; only when `ok` is false. */
  readonly faults?: readonly string[];
}

export interface Killed {
  readonly agent: string;
  readonly instance: string;
  readonly pid: number;
  readonly step: string;
  readonly attempt: number;
}

export interface Rerouted {
  readonly step: string;
  readonly attempt: number;
  readonly fromInstance: string;
  readonly toInstance: string;
  /** From the kill to the news of the next attempt, on one monotonic clock. */
  readonly ms: number;
}

export interface DemoStep {
  readonly path: string;
  readonly status: string;
  readonly attempts: readonly {
    readonly number: number;
    readonly agent: string;
    readonly instance: string;
    readonly outcome: string;
    readonly startedAt: string | null;
    readonly endedAt: string | null;
  }[];
}

export function toDemoStep({ path, status, attempts }: WorkflowResult['steps'][number]): DemoStep {
  return {
    path,
    status,
    attempts: attempts.map(({ number, agent, instance, outcome, startTime, endTime }) => ({
      number,
      agent,
      instance,
      outcome,
      startedAt: startTime?.toISOString() ?? null,
      endedAt: endTime?.toISOString() ?? null,
    })),
  };
}

/** What the demo with agents in several languages did. */
export interface LanguagesResult {
  readonly ok: boolean;
  readonly run: DemoResult['run'];
  readonly languages: readonly LanguageResult[];
  readonly steps: readonly DemoStep[];
  readonly faults?: readonly string[];
}

export interface LanguageResult {
  readonly language: string;
  readonly killed: Killed | null;
  readonly rerouted: Rerouted | null;
}
