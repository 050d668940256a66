/** What happens in a run, as the client hands it out. Every event has the same members, so that a log line needs no cases. */
import type { AttemptOutcome, SkipReason, StepKind, StepStatus, WorkflowStatus } from './statuses.ts';
import type { RunFailure } from './views.ts';

interface RunEventBase {
  /** From 1, growing; 0: a live event, which is never replayed. */
  readonly position: number;
  readonly time: Date;
  readonly runId: string;
  /** Path of the step; undefined: the run itself. */
  readonly step?: string;
  readonly agent?: string;
  readonly instance?: string;
  /** Number of the attempt. */
  readonly attempt?: number;
  readonly error?: RunFailure | undefined;
}

export type RunEvent = RunEventBase & RunEventBody;

export type RunEventBody =
  | { readonly type: 'runStarted'; readonly workflow: string; readonly version: number; readonly totalSteps: number }
  | {
      readonly type: 'stepReady';
      readonly step: string;
      readonly kind: StepKind;
      readonly action: string;
      /** Of a map: how many there are, and how many of them are done from an earlier try. */
      readonly items: number;
      readonly keptItems: number;
      /** Path of the step that it is the fallback of. */
      readonly fallbackOf: string | undefined;
      /** Path of the step that it undoes. */
      readonly compensates: string | undefined;
    }
  /** It failed with `error`, and its fallback decides what becomes of it. */
  | {
      readonly type: 'stepFellBack';
      readonly step: string;
      /** What it ends with when its fallback does not complete. */
      readonly status: StepStatus;
      readonly fallback: string;
    }
  | (AttemptBody & { readonly type: 'attemptStarted'; readonly tryNumber: number; readonly resumed: boolean })
  | (AttemptBody & { readonly type: 'attemptUnreachable'; readonly reason: string })
  | (AttemptBody & { readonly type: 'attemptReturned' })
  | (AttemptBody & {
      readonly type: 'attemptEnded';
      readonly outcome: AttemptOutcome;
      readonly usage?: Readonly<Record<string, number>>;
    })
  | {
      readonly type: 'retryScheduled';
      readonly step: string;
      readonly tryNumber: number;
      /** How many it has in all. */
      readonly tries: number;
      readonly dueTime: Date | undefined;
    }
  | {
      readonly type: 'stepEnded';
      readonly step: string;
      readonly status: StepStatus;
      readonly skipReason: SkipReason;
      readonly skippedBecauseOf: string | undefined;
      /** From the run that this one is another try of. */
      readonly takenOver: boolean;
      /** It completed because its fallback did; `error` is why it failed itself. */
      readonly usedFallback: boolean;
    }
  | {
      readonly type: 'stepWaiting';
      readonly step: string;
      readonly kind: StepKind;
      /** When it ends by itself; undefined: never. */
      readonly dueTime: Date | undefined;
      readonly signal: string | undefined;
      readonly title: string | undefined;
    }
  | {
      readonly type: 'signalReceived';
      readonly name: string;
      /** Among the signals of the run, from 1. */
      readonly number: number;
      /** Undefined: nobody in particular. */
      readonly actor: string | undefined;
      readonly requestId: string;
    }
  | {
      readonly type: 'childStarted';
      readonly step: string;
      /** The child run, which has events of its own. */
      readonly childRunId: string;
      readonly workflow: string;
      readonly version: number;
    }
  | { readonly type: 'signalTaken'; readonly step: string; readonly number: number }
  /** `number`: of the iteration of a loop, from 1, or of the item of a map, from 0. */
  | { readonly type: 'bodyStarted'; readonly step: string; readonly number: number }
  | {
      readonly type: 'bodyEnded';
      readonly step: string;
      readonly number: number;
      readonly dueTime: Date | undefined;
      /** How the step of an item ended; COMPLETED of an iteration. */
      readonly status: StepStatus;
    }
  | { readonly type: 'cancelRequested'; readonly reason: string }
  | { readonly type: 'runPaused'; readonly reason: string }
  | { readonly type: 'runResumed' }
  | { readonly type: 'runEnding'; readonly outcome: WorkflowStatus }
  /** It failed and will be tried again when what may still run has stopped, at `dueTime` at the latest. */
  | { readonly type: 'runTryScheduled'; readonly dueTime: Date | undefined }
  /** It failed and is tried again: `steps` start anew. Of those, the loops and maps `continued` keep the iterations and items that are done. */
  | {
      readonly type: 'runTryStarted';
      readonly tryNumber: number;
      readonly steps: readonly string[];
      readonly continued: readonly string[];
    }
  /** The run is another try: the loop or the map goes on after so many iterations, or with the items that are not kept. */
  | {
      readonly type: 'bodiesTakenOver';
      readonly step: string;
      readonly iterations: number;
      readonly items: number;
      readonly keptItems: number;
    }
  | {
      readonly type: 'runEnded';
      readonly status: WorkflowStatus;
      readonly unconsumedSignals: number;
      /** Failures of cleanup, and what was not undone. */
      readonly cleanupErrors: readonly RunFailure[];
    }
  | {
      readonly type: 'stepProgressed';
      readonly step: string;
      readonly attempt: number;
      readonly fraction: number;
      readonly message: string;
    }
  | {
      readonly type: 'stepLogged';
      readonly step: string;
      readonly attempt: number;
      readonly level: string;
      readonly message: string;
      readonly fields: Readonly<Record<string, string>>;
    }
  | { readonly type: 'checkpointStored'; readonly step: string; readonly attempt: number }
  /** Live: undefined: nobody knows when it will end any more. */
  | { readonly type: 'runEstimated'; readonly endTime: Date | undefined }
  /** The server is newer than this client. */
  | { readonly type: 'unknown' };

interface AttemptBody {
  readonly step: string;
  readonly agent: string;
  readonly instance: string;
  readonly attempt: number;
}
