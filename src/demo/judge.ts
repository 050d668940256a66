/** Whether all of it happened. Every fault is a sentence; none means yes. */
import type { StepResult, WorkflowResult } from '../client/index.ts';
import type { AttemptFile } from './evidence.ts';
import { VICTIM } from './follow.ts';
import type { Killed, Rerouted } from './result.ts';

/** What must have ended before each step may start: the seed's topology. */
const BEFORE: Readonly<Record<string, readonly string[]>> = {
  'extract-db1': [],
  'extract-db2': [],
  'extract-api': [],
  'clean-data': ['extract-db1', 'extract-db2', 'extract-api'],
  [VICTIM]: ['clean-data'],
  'generate-report': [VICTIM],
  'update-dashboard': [VICTIM],
  'send-notifications': [VICTIM],
};

export interface Evidence {
  readonly result: WorkflowResult<unknown>;
  readonly killed: Killed | undefined;
  readonly rerouted: Rerouted | undefined;
  readonly process: {
    /** The signal that ended the killed process. */
    readonly killedBy: string | null;
    /** Pid of the process that took over, if it lives. */
    readonly successorPid: number | undefined;
  };
  /** Distinct strikes in the source databases: what everything else must agree with. */
  readonly distinct: number;
  readonly cleanRows: number;
  readonly files: { readonly killed: AttemptFile | undefined; readonly successor: AttemptFile | undefined };
  /** Strikes by page; undefined: no such page. */
  readonly pages: Readonly<Record<string, number | undefined>>;
  readonly notifications: readonly { readonly runId: string; readonly strikes: number }[];
}

export function findFaults(evidence: Evidence): readonly string[] {
  return [
    ...judgeRun(evidence),
    ...judgeHistory(evidence.result.steps),
    ...judgeReroute(evidence),
    ...judgeRows(evidence),
    ...judgeOutputs(evidence),
  ];
}

function judgeRun({ result }: Evidence): readonly string[] {
  if (result.status === 'COMPLETED') return [];
  const why = result.error === undefined ? '' : `: ${result.error.code} ${result.error.message}`;
  return [`the run ended ${result.status}${why}`];
}

/** Every step ran once, after all that it follows had ended; only the victim's ran twice. */
function judgeHistory(steps: readonly StepResult[]): readonly string[] {
  const byPath = new Map(steps.map((step) => [step.path, step]));
  return Object.entries(BEFORE).flatMap(([path, before]) => {
    const step = byPath.get(path);
    if (step === undefined) return [`the run has no step ${path}`];
    const history = step.attempts.map(({ number, outcome }) => `#${number} ${outcome}`).join(', ');
    const wanted = path === VICTIM ? '#1 LOST, #2 COMPLETED' : '#1 COMPLETED';
    const startedAt = step.attempts[0]?.startTime?.getTime() ?? 0;
    const early = before.filter(
      (name) => startedAt < (byPath.get(name)?.endTime?.getTime() ?? Number.POSITIVE_INFINITY),
    );
    return [
      ...(history === wanted ? [] : [`${path} has the history "${history}", not "${wanted}"`]),
      ...early.map((name) => `${path} started before ${name} had ended`),
    ];
  });
}

function judgeReroute({ killed, rerouted, process, result }: Evidence): readonly string[] {
  if (killed === undefined) return [`nothing was killed: ${VICTIM} ended before its first checkpoint was stored`];
  if (rerouted === undefined) return [`${VICTIM} did not move to another agent`];
  const second = result.steps.find((step) => step.path === VICTIM)?.attempts[1];
  const faults: string[] = [];
  if (process.killedBy !== 'SIGKILL') faults.push(`process ${killed.pid} was not ended by SIGKILL`);
  if (rerouted.toInstance === killed.instance) faults.push(`${VICTIM} came back to the instance that was killed`);
  if (process.successorPid === undefined) faults.push('the process that took over does not live');
  if (process.successorPid === killed.pid) faults.push('the process that took over is the killed one');
  if (second?.instance !== rerouted.toInstance) faults.push('the history names another instance than the live events');
  if (second?.resumed !== true) faults.push('the second attempt did not go on from a checkpoint');
  return faults;
}

/** No row is lost, none counts twice: the killed attempt's rows up to the checkpoint, then the successor's. */
function judgeRows({ distinct, cleanRows, files }: Evidence): readonly string[] {
  const faults: string[] = [];
  if (cleanRows !== distinct) faults.push(`clean-data kept ${cleanRows} rows of ${distinct} distinct ones`);
  const { killed, successor } = files;
  if (killed === undefined || successor === undefined) return [...faults, 'an attempt left no file'];
  const resumedAt = successor.rows[0] ?? 0;
  if (resumedAt === 0) faults.push('the second attempt began at row 0');
  const joined = countJoined(killed, successor);
  if (joined !== distinct) faults.push(`${joined} rows were joined, of ${distinct}`);
  const wrong = successor.counted.filter((count) => count !== distinct);
  if (wrong.length > 0 || successor.counted.length === 0) faults.push(`totals count ${wrong} strikes, not ${distinct}`);
  return faults;
}

/** Rows in the result: those before the checkpoint from the first attempt, the others from the second; each once. */
export function countJoined(killed: AttemptFile, successor: AttemptFile): number {
  const resumedAt = successor.rows[0] ?? 0;
  return new Set([...killed.rows.filter((row) => row < resumedAt), ...successor.rows]).size;
}

function judgeOutputs({ distinct, pages, notifications, result }: Evidence): readonly string[] {
  const faults = Object.entries(pages).flatMap(([path, strikes]) => {
    if (strikes === undefined) return [`${path} is missing or shows nothing`];
    return strikes === distinct ? [] : [`${path} shows ${strikes} strikes, not ${distinct}`];
  });
  const [first] = notifications;
  if (notifications.length !== 1 || first === undefined)
    return [...faults, `${notifications.length} notifications arrived, not 1`];
  if (first.runId !== result.runId || first.strikes !== distinct)
    faults.push('the notification is about something else');
  return faults;
}
