import type { SecretMark } from '../../../core/secret-mark.ts';
import type { StoredValue } from '../../../core/stored-value.ts';
import type { Priority } from '../../../workflow/definition.ts';
import type { Failure, ItemOutput, ParentStep, SkipReason, StepTakenOver } from '../../engine/events.ts';
import type { AttemptOutcome, RunOutcome } from '../../engine/status.ts';

/** What RunCreated says besides the parameters. */
export interface Creation {
  runId: string;
  namespace: string;
  workflow: string;
  version: number;
  priority: Priority | undefined;
  requestId?: string;
  labels?: Record<string, string>;
  retryOf?: string;
  rerunOf?: string;
  parent?: ParentStep;
}

/** All fields of a stored event, with its shape fixed so that reading stays fast. Used again for every event of a row. */
export class EventFields {
  type = 0;
  at = 0;
  path = '';
  number = 0;
  until: number | undefined = undefined;
  backoffUntil = 0;
  try = 0;
  agentId = '';
  instanceId = '';
  idempotent = false;
  resumed: boolean | undefined = undefined;
  outcome: AttemptOutcome | undefined = undefined;
  value: StoredValue | undefined = undefined;
  failure: Failure | undefined = undefined;
  countsAsTry: boolean | undefined = undefined;
  unconfirmed: boolean | undefined = undefined;
  skipReason: SkipReason | undefined = undefined;
  branch: number | undefined = undefined;
  because: string | undefined = undefined;
  end: RunOutcome | undefined = undefined;
  stepEnd: StepTakenOver['status'] | undefined = undefined;
  reason = '';
  cleanupFailures: readonly Failure[] | undefined = undefined;
  creation: Creation | undefined = undefined;
  secrets: SecretMark[] | undefined = undefined;
  signal = '';
  actor: string | undefined = undefined;
  requestId = '';
  title: string | undefined = undefined;
  unconsumedSignals: number | undefined = undefined;
  child: { readonly runId: string; readonly version: number } | undefined = undefined;
  again: string[] | undefined = undefined;
  continued: string[] | undefined = undefined;
  key: string | undefined = undefined;
  itemOutputs: ItemOutput[] | undefined = undefined;
  keptItems: number | undefined = undefined;
  iterations: number | undefined = undefined;
  usage: Record<string, number> | undefined = undefined;

  /** Everything absent; times at the row's first event. */
  reset(first: number): void {
    this.type = 0;
    this.at = first;
    this.path = '';
    this.number = 0;
    this.until = undefined;
    this.backoffUntil = first;
    this.try = 0;
    this.agentId = '';
    this.instanceId = '';
    this.idempotent = false;
    this.resumed = undefined;
    this.outcome = undefined;
    this.value = undefined;
    this.failure = undefined;
    this.countsAsTry = undefined;
    this.unconfirmed = undefined;
    this.skipReason = undefined;
    this.branch = undefined;
    this.because = undefined;
    this.end = undefined;
    this.stepEnd = undefined;
    this.reason = '';
    this.cleanupFailures = undefined;
    this.creation = undefined;
    this.secrets = undefined;
    this.signal = '';
    this.actor = undefined;
    this.requestId = '';
    this.title = undefined;
    this.unconsumedSignals = undefined;
    this.child = undefined;
    this.again = undefined;
    this.continued = undefined;
    this.key = undefined;
    this.itemOutputs = undefined;
    this.keptItems = undefined;
    this.iterations = undefined;
    this.usage = undefined;
  }
}
