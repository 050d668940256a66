/** A run in progress as a picture that is redrawn in place: what is done is folded, and it never outgrows the screen. */
import { isTerminalRun, isTerminalStep, type RunView, type StepView } from '../../client/index.ts';
import { formatDuration } from '../../core/duration.ts';
import { shortId } from '../../core/ids.ts';
import { belonging } from './attached.ts';
import { itemsNote } from './items.ts';
import { type Paint, paintStatus, type Style } from './style.ts';
import { cut, instanceName, plural, safe } from './text.ts';
import { roughly, stopwatch } from './time.ts';
import { dueNote, waitNote } from './timeline.ts';
import { isHeldKind } from './waits.ts';

export interface FrameOptions {
  readonly nowMs: number;
  readonly style: Style;
  /** Of the screen. */
  readonly columns: number;
  readonly rows: number;
  readonly etaMs: number | undefined;
  /** What each step comes after, by step id. */
  readonly dependencies: ReadonlyMap<string, readonly string[]>;
  /** What the scheduler says about steps that wait, by path. */
  readonly reasons: ReadonlyMap<string, string>;
}

interface Line {
  readonly sign: string;
  readonly paint: Paint | undefined;
  readonly step: string;
  readonly text: string;
}

/** One line per step that matters now; each is cut to the screen's width. */
export function renderFrame(run: RunView, options: FrameOptions): readonly string[] {
  const lines = linesOf(run, options);
  const room = Math.max(1, options.rows - 2);
  const shown = lines.length <= room ? lines : lines.slice(0, room - 1);
  const width = Math.max(0, ...shown.map(({ sign, step }) => (sign === 'ok' ? 0 : step.length)));
  const drawn = shown.map((line) => drawLine(line, width, options));
  const rest = lines.length - shown.length;
  return [headOf(run, options), ...drawn, ...(rest === 0 ? [] : [`    and ${plural(rest, 'more step')}`])];
}

/** `Nightly v3  9c41e7b2  RUNNING 0:07  3/6  ETA 4s` */
function headOf(run: RunView, { nowMs, style, etaMs, columns }: FrameOptions): string {
  const since = (run.startTime ?? run.createTime).getTime();
  const elapsed = stopwatch((run.endTime?.getTime() ?? nowMs) - since);
  const parts = [`${safe(run.workflow)} v${run.version}`, shortId(run.runId), `${run.status} ${elapsed}`];
  parts.push(`${run.completedSteps}/${run.totalSteps}`);
  if (run.tryNumber > 1) parts.push(`try ${run.tryNumber}`);
  if (etaMs !== undefined && !isTerminalRun(run.status)) parts.push(`ETA ${roughly(etaMs)}`);
  const text = cut(parts.join('  '), columns - 1);
  return text.replace(run.status, paintStatus(style, run.status));
}

function drawLine({ sign, paint, step, text }: Line, width: number, { style, columns }: FrameOptions): string {
  const name = sign === 'ok' ? step : step.padEnd(width);
  const line = cut(`${name}${text === '' ? '' : `  ${text}`}`, columns - 5).trimEnd();
  return ` ${paint === undefined ? sign.padEnd(2) : style.paint(sign.padEnd(2), paint)} ${line}`;
}

/** A loop is shown by the steps of its body. */
const WORKS: ReadonlySet<string> = new Set(['AGENT', 'MAP', 'WORKFLOW']);

function linesOf(run: RunView, options: FrameOptions): readonly Line[] {
  // What is done is counted in agent steps, as in the head.
  const isShown = ({ kind, status }: StepView): boolean =>
    WORKS.has(kind) || (isHeldKind(kind) && status !== 'COMPLETED' && status !== 'SKIPPED');
  const steps = run.steps.filter(isShown);
  const of = (...statuses: readonly string[]): readonly StepView[] =>
    steps.filter(({ status }) => statuses.includes(status));
  return [
    ...foldedLine(of('COMPLETED').length, of('SKIPPED').length),
    ...of('FAILED', 'TIMED_OUT', 'CANCELLED').map(endedLine),
    ...of('RUNNING').map((step) => runningLine(step, options.nowMs)),
    ...of('READY', 'WAITING').map((step) => waitingLine(step, options)),
    ...of('PENDING').map((step) => pendingLine(step, steps, options.dependencies)),
  ];
}

function foldedLine(completed: number, skipped: number): readonly Line[] {
  if (completed + skipped === 0) return [];
  const step = skipped === 0 ? plural(completed, 'step') : `${plural(completed, 'step')}, ${skipped} skipped`;
  return [{ sign: 'ok', paint: 'good', step, text: '' }];
}

function endedLine(step: StepView): Line {
  const code = step.error === undefined ? '' : `${safe(step.error.code)} ${safe(step.error.message)}`;
  const paint = step.status === 'CANCELLED' ? 'warn' : 'bad';
  return { sign: 'x', paint, step: safe(step.path), text: `${step.status} ${code}`.trim() };
}

/** `5.1s  cleaner/91c0  62% 12,400 rows  attempt 2 (1: agent lost)` */
function runningLine(step: StepView, nowMs: number): Line {
  if (step.kind === 'MAP') return runningMap(step, nowMs);
  const attempt = step.attempts.findLast(({ outcome }) => outcome === 'OPEN') ?? step.attempts.at(-1);
  const since = attempt?.startTime?.getTime() ?? nowMs;
  const percent = step.progress > 0 ? `${Math.round(step.progress * 100)}%` : '';
  const parts = [
    `${formatDuration(Math.max(0, nowMs - since))}${usualOf(step)}`,
    attempt === undefined ? '' : instanceName(attempt.agent, attempt.instance),
    `${percent} ${safe(step.progressMessage)}`.trim(),
    step.waitReason === 'AGENT_UNREACHABLE' ? 'out of reach' : '',
    belonging(step),
    historyOf(step),
  ];
  const text = parts.filter((part) => part !== '').join('  ');
  return { sign: '>>', paint: 'busy', step: safe(step.path), text };
}

function runningMap(step: StepView, nowMs: number): Line {
  const since = step.startTime?.getTime() ?? step.readyTime?.getTime() ?? nowMs;
  const text = `${formatDuration(Math.max(0, nowMs - since))}  ${itemsNote(step)}`;
  return { sign: '>>', paint: 'busy', step: safe(step.path), text };
}

/** ` of ~8s`: what it usually takes. */
function usualOf({ usualMs }: StepView): string {
  return usualMs === undefined ? '' : ` of ~${roughly(usualMs)}`;
}

const ENDS: Readonly<Record<string, string>> = {
  LOST: 'agent lost',
  FAILED: 'failed',
  TIMED_OUT: 'timed out',
  REJECTED: 'rejected',
  HANDED_BACK: 'handed back',
  NOT_ACCEPTED: 'not accepted',
  SUPERSEDED: 'superseded',
  CANCELLED: 'cancelled',
};

/** Attempts before this one that are told, the last of them. */
const HISTORY_MAX = 3;

function historyOf({ attempts }: StepView): string {
  const last = attempts.at(-1);
  if (last === undefined || attempts.length < 2) return '';
  const before = attempts.slice(0, -1).slice(-HISTORY_MAX);
  const told = before.map(({ number, outcome }) => `${number}: ${ENDS[outcome] ?? outcome.toLowerCase()}`);
  return `attempt ${last.number} (${told.join(', ')})`;
}

function waitingLine(step: StepView, { nowMs, reasons }: FrameOptions): Line {
  const due = dueNote(step, nowMs);
  const reason = reasons.get(step.path);
  const text = reason === undefined ? `${waitNote(step)}${due}` : `waits: ${safe(reason)}`;
  return { sign: '..', paint: 'warn', step: safe(step.path), text: [text, historyOf(step)].join('  ').trimEnd() };
}

function pendingLine(
  step: StepView,
  steps: readonly StepView[],
  dependencies: ReadonlyMap<string, readonly string[]>,
): Line {
  const open = (dependencies.get(step.stepId) ?? []).filter((id) => {
    const other = steps.find(({ stepId }) => stepId === id);
    return other === undefined || !isTerminalStep(other.status);
  });
  const text = open.length === 0 ? '' : `after ${open.map(safe).join(', ')}`;
  return { sign: '', paint: 'dim', step: safe(step.path), text };
}
