/** What an operator is told without asking. `telemetry/alert-sink.ts` sends them on; `noAlerts` drops them. */

/** Kind by kind, as settings name them (`alerts.runFailed`). */
export type AlertKind = 'runFailed' | 'runTimedOut' | 'stuck' | 'agentLost' | 'storeFailing' | 'storeMended';

export interface Alert {
  readonly kind: AlertKind;
  /** What it is about; a second alert of the same kind about the same is a repetition. */
  readonly subject: string;
  /** One sentence for people. */
  readonly message: string;
  /** For programs: ids and codes, never values of steps. */
  readonly facts: Readonly<Record<string, string>>;
}

export interface Alerts {
  /** Never throws and never waits. */
  raise(alert: Alert): void;
}

export const noAlerts: Alerts = { raise: () => {} };
