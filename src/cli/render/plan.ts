/** What would come of a definition: its steps wave by wave, who could take each now, and what decides how long it takes. */
import { formatProblem, type PlannedStepView, type WorkflowPlanView } from '../../client/index.ts';
import type { ListOptions } from './lists.ts';
import { scheduleText } from './schedules.ts';
import { type Column, renderTable } from './table.ts';
import { cut, instanceName, plural, safe } from './text.ts';
import { dateTime, roughly } from './time.ts';

/** Instances that a line names. */
const NAMED_MAX = 3;
/** Of the critical path; the middle is left out. */
const PATH_MAX = 12;
const CELL_WIDTH = 60;

/** `text`: of the definition, for the carets of warnings. */
export function renderPlan(plan: WorkflowPlanView, text: string, options: ListOptions): string {
  const critical = new Set(plan.criticalPath);
  const columns: readonly Column<PlannedStepView>[] = [
    { title: 'WAVE', cell: ({ wave }) => String(wave) },
    { title: 'STEP', cell: (step) => `${'  '.repeat(step.depth)}${safe(step.stepId)}` },
    { title: 'ACTION', cell: (step) => (step.action === '' ? `(${step.kind.toLowerCase()})` : safe(step.action)) },
    { title: 'USUALLY', cell: (step) => usualOf(step, critical) },
    { title: 'AGENTS NOW', cell: agentsOf },
  ];
  return [
    headOf(plan),
    ...changeLines(plan),
    renderTable(plan.steps, columns, options),
    ...pathLines(plan),
    ...scheduleLines(plan, options),
    ...plan.warnings.map((warning) => formatProblem({ ...warning, severity: 'warn' }, text)),
  ].join('\n');
}

/** `Nightly v4, new after v3: 6 steps in 4 waves` */
function headOf({ name, version, created, baseVersion, steps, waves }: WorkflowPlanView): string {
  const isOld = baseVersion !== undefined && version !== baseVersion;
  const known = isOld ? `as it was before v${baseVersion}` : 'unchanged';
  const fresh = baseVersion === undefined ? 'new' : `new after v${baseVersion}`;
  const agentSteps = steps.filter(({ kind }) => kind === 'AGENT').length;
  return `${safe(name)} v${version}, ${created ? fresh : known}: ${plural(agentSteps, 'step')} in ${plural(waves, 'wave')}`;
}

function changeLines({ changes }: WorkflowPlanView): readonly string[] {
  if (changes === undefined) return [];
  const line = (word: string, names: readonly string[]): readonly string[] =>
    names.length === 0 ? [] : [`  ${word} ${cut(names.map(safe).join(', '), CELL_WIDTH)}`];
  return [
    ...line('adds', changes.addedSteps),
    ...line('changes', changes.changedSteps),
    ...line('removes', changes.removedSteps),
    ...line('sets', changes.changedFields),
  ];
}

/** `~4s *`: a star where it decides how long the whole takes. */
function usualOf({ stepId, usualMs }: PlannedStepView, critical: ReadonlySet<string>): string {
  if (usualMs === undefined) return '';
  return `~${roughly(usualMs)}${critical.has(stepId) ? ' *' : ''}`;
}

/** `2 of 3 free: cleaner/91c0, cleaner/0b7d`, or why nobody can. */
function agentsOf({ kind, action, able, free, candidates }: PlannedStepView): string {
  if (kind !== 'AGENT') return '';
  const shown = candidates.slice(0, NAMED_MAX);
  const name = ({ agentId, instanceId }: (typeof shown)[number]): string => instanceName(agentId, instanceId);
  if (free > 0) {
    const names = shown.filter(({ reason }) => reason === 'FREE').map(name);
    return `${free} of ${able} free: ${names.join(', ')}${free > names.length ? ', ...' : ''}`;
  }
  const reasons = cut(shown.map((candidate) => `${name(candidate)} ${safe(candidate.text)}`).join(', '), CELL_WIDTH);
  if (able > 0) return `none of ${able} free: ${reasons}`;
  return shown.length === 0 ? `nobody offers ${safe(action)}` : `none: ${reasons}`;
}

/** `starts by the clock: 0 2 * * * in Europe/Berlin; next 2026-03-02 01:00:00` */
function scheduleLines({ schedule, scheduleTimes: [next] }: WorkflowPlanView, { utc }: ListOptions): readonly string[] {
  if (schedule === undefined) return [];
  const when = schedule.paused || next === undefined ? '' : `; next ${dateTime(next, utc)}`;
  return [`starts by the clock: ${scheduleText(schedule)}${when}`];
}

function pathLines({ criticalPath, criticalMs, usualMs, pastRuns }: WorkflowPlanView): readonly string[] {
  if (criticalMs === undefined) return ['how long it takes is not known: no run of it has completed'];
  const ids = criticalPath.map(safe);
  const half = PATH_MAX / 2;
  const named = ids.length <= PATH_MAX ? ids : [...ids.slice(0, half), '...', ...ids.slice(-half)];
  const whole = usualMs === undefined ? '' : `; a run takes ~${roughly(usualMs)}`;
  return [
    `* critical path: ${named.join(' -> ')}, ~${roughly(criticalMs)}`,
    `  by ${plural(pastRuns, 'completed run')}${whole}`,
  ];
}
