/** A run as a picture: one bar per attempt, so that one sees which agent had which step when, and what was lost. */
import { type AttemptView, estimateEta, isTerminalRun, type RunView, type StepView } from '../../client/index.ts';
import { formatDuration } from '../../core/duration.ts';
import { shortId } from '../../core/ids.ts';
import { belonging, cleanupLines, withBelonging } from './attached.ts';
import { itemsNote } from './items.ts';
import { durationOf } from './lists.ts';
import { paintStatus, type Style } from './style.ts';
import { instanceName, runTail, safe } from './text.ts';
import { roughly } from './time.ts';
import { callNote, childNote, isHeldKind, signalHint, signalNote } from './waits.ts';

export interface TimelineOptions {
  readonly nowMs: number;
  readonly style: Style;
  /** Of the screen. */
  readonly columns: number;
  /** Every row, however many there are. */
  readonly wide: boolean;
}

const BAR_MIN = 20;
const BAR_MAX = 60;
/** More rows than that hide what went wrong: what simply ran is folded. */
const ROWS_MAX = 100;
const LEGEND = '(= ran  . waited  ! lost  x failed)';

interface Row {
  readonly step: string;
  readonly number: string;
  /** Undefined: it never began, and `note` says why. */
  readonly bar: Bar | undefined;
  readonly note: string;
  readonly isPlain: boolean;
}

interface Bar {
  readonly waitFromMs: number;
  readonly fromMs: number;
  readonly toMs: number;
  /** The last character: what became of it; empty: it simply ran. */
  readonly mark: string;
}

export function renderTimeline(run: RunView, options: TimelineOptions): string {
  const startMs = (run.startTime ?? run.createTime).getTime();
  const endMs = Math.max(startMs + 1, run.endTime?.getTime() ?? options.nowMs);
  const { rows, hidden } = fold(rowsOf(run, options.nowMs), options.wide);
  const label = Math.max(7, ...rows.map((row) => row.step.length)) + 1;
  const notes = Math.max(0, ...rows.filter((row) => row.bar !== undefined).map((row) => row.note.length));
  const width = clamp(options.columns - label - 4 - 2 - notes, BAR_MIN, BAR_MAX);
  const scale = { startMs, msPerCell: (endMs - startMs) / width, width };
  const lines = [
    headline(run, options),
    `${' '.repeat(label + 4)}${axis(endMs - startMs, width)}`,
    ...rows.map((row) => renderRow(row, label, scale)),
    ...(hidden === 0 ? [] : [`${' '.repeat(label + 4)}and ${hidden} attempts that completed (-o wide shows them)`]),
  ];
  const last = lines.length - 1;
  const canHoldLegend = rows.at(-1)?.bar === undefined && rows.length > 0 && hidden === 0;
  if (canHoldLegend) lines[last] = `${lines[last]}    ${LEGEND}`;
  else lines.push(`${' '.repeat(label + 4)}${LEGEND}`);
  return [...lines, ...olderCallsLine(run), ...cleanupLines(run), ...stuckLine(run), ...nextLine(run)]
    .map((line) => line.trimEnd())
    .join('\n');
}

function clamp(value: number, min: number, max: number): number {
  return Math.min(max, Math.max(min, value));
}

export function headline(run: RunView, { nowMs, style }: Pick<TimelineOptions, 'nowMs' | 'style'>): string {
  const parts = [`${safe(run.workflow)} v${run.version}`, shortId(run.runId)];
  parts.push(`${paintStatus(style, run.status)} ${durationOf(run, nowMs)}`);
  if (run.queuePosition !== undefined) parts.push(`#${run.queuePosition} in the queue of its workflow`);
  if (run.tryNumber > 1) parts.push(`try ${run.tryNumber}`);
  if (run.retryOf !== undefined) parts.push(`another try of ${shortId(run.retryOf)}`);
  if (run.rerunOf !== undefined) parts.push(`rerun of ${shortId(run.rerunOf)}`);
  if (run.parentRunId !== undefined) parts.push(`child of ${shortId(run.parentRunId)} ${safe(run.parentStep ?? '')}`);
  if (run.pauseTime !== undefined) parts.push(style.paint('paused', 'warn'));
  const etaMs = isTerminalRun(run.status) ? undefined : estimateEta(run, nowMs);
  if (etaMs !== undefined) parts.push(`ETA ${roughly(etaMs)}`);
  if (run.stuck !== undefined) parts.push(style.paint('stuck', 'bad'));
  if (run.error !== undefined) parts.push(failureOf(run));
  return parts.join('  ');
}

/** `load: UPSTREAM_DOWN, try 2, loader/aa21` */
function failureOf({ error, steps }: RunView): string {
  if (error === undefined) return '';
  const step = steps.find(({ path }) => path === error.step);
  const attempt = step?.attempts.find(({ number }) => number === error.attempt);
  return [
    `${error.step === undefined ? '' : `${safe(error.step)}: `}${safe(error.code)}`,
    ...(attempt === undefined ? [] : [`try ${attempt.tryNumber}`]),
    ...(error.agent === undefined ? [] : [instanceName(error.agent, error.instance ?? '')]),
  ].join(', ');
}

function rowsOf(run: RunView, nowMs: number): readonly Row[] {
  const from = run.retryOf === undefined ? '' : `from run ${shortId(run.retryOf)}`;
  return run.steps.flatMap((step) => {
    if (isHeldKind(step.kind)) return [rowOfHeld(step, nowMs, from)];
    if (step.kind === 'MAP') return [rowOfMap(step, nowMs, from)];
    return step.kind === 'AGENT' ? [...rowsOfStep(step, nowMs, from), ...rowsOfCalls(run, step, nowMs)] : [];
  });
}

/** Below the step whose handler made them. */
function rowsOfCalls({ calls }: RunView, { path }: StepView, nowMs: number): readonly Row[] {
  return calls
    .filter(({ step }) => step === path)
    .map((call) => {
      const fromMs = call.createTime.getTime();
      const isOpen = call.endTime === undefined;
      const mark = isOpen ? '>' : call.status === 'COMPLETED' ? '' : 'x';
      const bar = { waitFromMs: fromMs, fromMs, toMs: call.endTime?.getTime() ?? nowMs, mark };
      return { step: `  call ${safe(call.key)}`, number: '', bar, note: callNote(call), isPlain: mark === '' };
    });
}

/** `from`: where a step that was taken over comes from. */
function rowsOfStep(step: StepView, nowMs: number, from: string): readonly Row[] {
  const name = safe(step.path);
  const rows: Row[] = step.attempts.map((attempt, i) => {
    const waitFrom = step.attempts[i - 1]?.endTime ?? step.readyTime;
    return { step: name, number: String(attempt.number), ...barOf(attempt, waitFrom, nowMs) };
  });
  const waitsMs = step.attempts.at(-1)?.endTime?.getTime() ?? step.readyTime?.getTime() ?? nowMs;
  if (step.status === 'READY' || step.status === 'WAITING') {
    const bar = { waitFromMs: waitsMs, fromMs: nowMs, toMs: nowMs, mark: '' };
    rows.push({ step: name, number: '', bar, note: `${waitNote(step)}${dueNote(step, nowMs)}`, isPlain: false });
  } else if (rows.length === 0) {
    rows.push({ step: name, number: '', bar: undefined, note: absentNote(step, from), isPlain: step.takenOver });
  }
  return withBelonging(rows, belonging(step));
}

/** A `wait` or a `signal`: all of it is waiting. */
function rowOfHeld(step: StepView, nowMs: number, source: string): Row {
  const name = { step: safe(step.path), number: '' };
  const from = step.readyTime?.getTime();
  if (from === undefined) return { ...name, bar: undefined, note: absentNote(step, source), isPlain: false };
  const isOpen = step.status === 'WAITING';
  const to = step.endTime?.getTime() ?? nowMs;
  const mark = isOpen || step.status === 'COMPLETED' ? '' : 'x';
  const due = isOpen ? dueNote(step, nowMs) : '';
  const ended = step.status === 'COMPLETED' ? 'waited' : absentNote(step, source);
  if (step.child !== undefined) return { ...name, ...barOfChild(step, from, to) };
  const note = isOpen ? `${waitNote(step)}${due}` : ended;
  return { ...name, bar: { waitFromMs: from, fromMs: to, toMs: to, mark }, note, isPlain: false };
}

/** All of a map in one row; the items that run have rows of their own. */
function rowOfMap(step: StepView, nowMs: number, source: string): Row {
  const name = { step: safe(step.path), number: '' };
  const fromMs = step.readyTime?.getTime();
  if (fromMs === undefined) return { ...name, bar: undefined, note: absentNote(step, source), isPlain: step.takenOver };
  const toMs = step.endTime?.getTime() ?? nowMs;
  const mark = step.endTime === undefined ? '>' : step.status === 'COMPLETED' ? '' : 'x';
  return { ...name, bar: { waitFromMs: fromMs, fromMs, toMs, mark }, note: itemsNote(step), isPlain: false };
}

/** Others work while it waits. */
function barOfChild(step: StepView, fromMs: number, toMs: number): Omit<Row, 'step' | 'number'> {
  const { status } = step;
  const mark = status === 'WAITING' ? '>' : 'x';
  const word = status === 'WAITING' || status === 'COMPLETED' ? '' : ` ${status.toLowerCase().replace('_', ' ')}`;
  const bar = { waitFromMs: fromMs, fromMs, toMs, mark: status === 'COMPLETED' ? '' : mark };
  return { bar, note: `${childNote(step)}${word}`, isPlain: status === 'COMPLETED' };
}

function barOf(attempt: AttemptView, waitFrom: Date | undefined, nowMs: number): Omit<Row, 'step' | 'number'> {
  const fromMs = attempt.startTime?.getTime() ?? nowMs;
  const { mark, word } = MARKS[attempt.outcome] ?? { mark: '', word: '' };
  const who = instanceName(attempt.agent, attempt.instance);
  return {
    bar: { waitFromMs: waitFrom?.getTime() ?? fromMs, fromMs, toMs: attempt.endTime?.getTime() ?? nowMs, mark },
    note: [who, word, attempt.resumed ? 'from its checkpoint' : ''].filter((part) => part !== '').join(' '),
    isPlain: attempt.outcome === 'COMPLETED',
  };
}

const MARKS: Readonly<Record<string, { readonly mark: string; readonly word: string }>> = {
  OPEN: { mark: '>', word: '' },
  FAILED: { mark: 'x', word: '' },
  TIMED_OUT: { mark: 'x', word: 'timed out' },
  CANCELLED: { mark: 'x', word: 'cancelled' },
  LOST: { mark: '!', word: 'lost' },
  SUPERSEDED: { mark: '!', word: 'superseded' },
  REJECTED: { mark: '!', word: 'rejected' },
  HANDED_BACK: { mark: '!', word: 'handed back' },
  NOT_ACCEPTED: { mark: '!', word: 'not accepted' },
};

const WAITS: Readonly<Record<Exclude<StepView['waitReason'], 'NONE' | 'UNKNOWN' | 'SIGNAL' | 'CHILD'>, string>> = {
  NO_AGENT: 'no agent offers it',
  NO_SLOT: 'all agents are busy',
  BACKOFF: 'its next try',
  AGENT_UNREACHABLE: 'its agent is out of reach',
  STOPPING: 'an attempt that stops',
  BLOCK_CONCURRENCY: 'its block runs as many as it may',
  PAUSED: 'its run is paused',
  TIMER: 'its time',
  DEPENDENCY: 'what is before it',
  RUN_QUEUED: 'its run is queued',
  CONCURRENCY_KEY: 'others run that have its key',
};

/** Why a step waits, in a few words. */
export function waitNote(step: StepView): string {
  const { waitReason } = step;
  if (waitReason === 'NONE' || waitReason === 'UNKNOWN') return 'waits';
  if (waitReason === 'BACKOFF' && step.nextTry !== undefined)
    return `waits: try ${step.nextTry.number} of ${step.nextTry.of}`;
  if (waitReason === 'CHILD') return `waits: ${childNote(step)}`;
  return `waits: ${waitReason === 'SIGNAL' ? signalNote(step) : WAITS[waitReason]}`;
}

/** ` in 4s` */
export function dueNote({ dueTime }: StepView, nowMs: number): string {
  return dueTime === undefined ? '' : ` in ${roughly(dueTime.getTime() - nowMs)}`;
}

function absentNote(step: StepView, from: string): string {
  if (step.takenOver) return `${step.status.toLowerCase().replace('_', ' ')} ${from}`;
  if (step.status !== 'SKIPPED') return step.status.toLowerCase().replace('_', ' ');
  const because = step.skippedBecauseOf === undefined ? undefined : safe(step.skippedBecauseOf);
  switch (step.skipReason) {
    case 'WHEN':
      return 'skipped: its condition was false';
    case 'DEPENDENCY':
      return because === undefined ? 'skipped: something before it failed' : `skipped: ${because} failed`;
    case 'RUN_ON':
      return because === undefined ? 'skipped: not for this outcome' : `skipped: not after the end of ${because}`;
    case 'RUN_ENDING':
      return 'skipped: the run was ending';
    case 'BLOCK_STOPPED':
      return 'skipped: its block was stopped';
    case 'BRANCH':
      return 'skipped: another branch ran';
    default:
      return 'skipped';
  }
}

function fold(rows: readonly Row[], wide: boolean): { readonly rows: readonly Row[]; readonly hidden: number } {
  if (wide || rows.length <= ROWS_MAX) return { rows, hidden: 0 };
  const told = rows.filter((row) => !row.isPlain).slice(0, ROWS_MAX);
  return { rows: told, hidden: rows.length - told.length };
}

interface Scale {
  readonly startMs: number;
  readonly msPerCell: number;
  readonly width: number;
}

function renderRow(row: Row, label: number, scale: Scale): string {
  const head = `${row.step.padEnd(label)}${row.number.padStart(row.number === '' ? 0 : 1).padEnd(4)}`;
  if (row.bar === undefined) return `${head}${row.note}`;
  return `${head}${drawBar(row.bar, scale).padEnd(scale.width)}  ${row.note}`;
}

function drawBar(bar: Bar, { startMs, msPerCell, width }: Scale): string {
  const cell = (ms: number): number => clamp(Math.round((ms - startMs) / msPerCell), 0, width);
  const ran = bar.toMs > bar.fromMs || bar.mark !== '';
  // Whatever ran is seen, however short it was.
  const from = Math.min(cell(bar.fromMs), ran ? width - 1 : width);
  const to = ran ? Math.max(cell(bar.toMs), from + 1) : from;
  const wait = Math.min(cell(bar.waitFromMs), from);
  const body = '='.repeat(Math.max(0, to - from));
  const marked = bar.mark === '' ? body : `${body.slice(0, -1)}${bar.mark}`;
  return `${' '.repeat(wait)}${'.'.repeat(Math.max(0, from - wait))}${marked}`;
}

const TICKS_MS = [1, 2, 5, 10, 20, 50, 100, 200, 500]
  .flatMap((ms) => [ms, ms * 1_000])
  .concat([
    4_000, 15_000, 30_000, 60_000, 120_000, 300_000, 600_000, 1_800_000, 3_600_000, 7_200_000, 21_600_000, 86_400_000,
  ]);

/** `0s       4s       8s       12s`: three or four marks at round times. */
function axis(totalMs: number, width: number): string {
  const step = TICKS_MS.toSorted((a, b) => a - b).find((ms) => totalMs / ms <= 3.5) ?? totalMs;
  let text = '';
  for (let ms = 0; ms <= totalMs; ms += step) {
    const label = ms === 0 ? '0s' : tick(ms);
    const at = Math.round((ms / totalMs) * width);
    if (at >= text.length + (text === '' ? 0 : 1) && at + label.length <= width + 4) text = text.padEnd(at) + label;
  }
  return text;
}

function tick(ms: number): string {
  if (ms % 3_600_000 === 0) return `${ms / 3_600_000}h`;
  if (ms % 60_000 === 0) return `${ms / 60_000}m`;
  if (ms % 1_000 === 0) return `${ms / 1_000}s`;
  return formatDuration(ms);
}

function olderCallsLine({ hasOlderCalls, runId }: RunView): readonly string[] {
  return hasOlderCalls ? [`older calls: yardmaster runs list --parent ${runTail(runId)}`] : [];
}

/** Why it does not go on, since when. */
function stuckLine({ stuck }: RunView): readonly string[] {
  return stuck === undefined ? [] : [`stuck ${stuck.reason}: ${safe(stuck.message)}`];
}

function nextLine(run: RunView): readonly string[] {
  const tail = runTail(run.runId);
  const waits = run.steps.some((step) => step.kind === 'AGENT' && step.status === 'READY');
  switch (run.status) {
    case 'FAILED':
    case 'TIMED_OUT':
      return [
        `next: yardmaster runs retry ${tail}   (goes on from the steps that failed)`,
        `      yardmaster runs get ${tail} -o yaml   (every error in full)`,
      ];
    case 'COMPLETED':
    case 'CANCELLED':
      return [];
    default:
      if (run.stuck !== undefined) return [`next: ${safe(run.stuck.next)}`];
      if (run.pauseTime !== undefined) return [`next: yardmaster runs resume ${tail}`];
      if (run.status === 'QUEUED') return [`next: yardmaster runs explain ${tail}`];
      if (!waits && signalHint(run) !== undefined) return [signalHint(run) ?? ''];
      return [`next: yardmaster runs ${waits ? 'explain' : 'watch'} ${tail}`];
  }
}
