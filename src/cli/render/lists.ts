/** The lists of runs, agents, capabilities, workflows and entries of the audit log. */
import type { AgentView, AuditEntryView, InstanceView, RunView, WorkflowView } from '../../client/index.ts';
import { formatDuration } from '../../core/duration.ts';
import { shortId } from '../../core/ids.ts';
import { cordonText } from './cordon.ts';
import { type Column, renderTable, type TableOptions } from './table.ts';
import { capabilityName, cut, safe, shortVersion } from './text.ts';
import { dateTime, roughly } from './time.ts';

export interface ListOptions extends TableOptions {
  readonly nowMs: number;
  readonly utc: boolean;
}

const ERROR_WIDTH = 60;
const DESCRIPTION_WIDTH = 60;
const NOTE_WIDTH = 60;
const NAME_WIDTH = 40;
const CAPABILITIES_SHOWN = 4;

export function renderRuns(runs: readonly RunView[], options: ListOptions): string {
  const { nowMs, utc } = options;
  const columns: readonly Column<RunView>[] = [
    { title: 'RUN', cell: (run) => (options.wide ? run.runId : shortId(run.runId)) },
    { title: 'WORKFLOW', cell: (run) => `${safe(run.workflow)} v${run.version}` },
    { title: 'STATUS', cell: (run) => run.status, status: true },
    { title: 'STEPS', cell: (run) => (run.totalSteps === 0 ? '' : `${run.completedSteps}/${run.totalSteps}`) },
    { title: 'AGE', cell: (run) => roughly(nowMs - run.createTime.getTime()) },
    {
      title: 'TOOK',
      cell: (run) => (run.queuePosition === undefined ? durationOf(run, nowMs) : `#${run.queuePosition} in queue`),
    },
    { title: 'CREATED', cell: (run) => dateTime(run.createTime, utc), wide: true },
    { title: 'REQUEST', cell: (run) => safe(run.requestId), wide: true },
    { title: 'LABELS', cell: labelsOf, wide: true },
    { title: 'ERROR', cell: (run) => errorOf(run, options.wide) },
  ];
  return renderTable(runs, columns, options);
}

function labelsOf({ labels }: RunView): string {
  const pairs = Object.entries(labels).sort(([left], [right]) => (left < right ? -1 : 1));
  return safe(pairs.map(([key, value]) => `${key}=${value}`).join(','));
}

export function durationOf(run: RunView, nowMs: number): string {
  if (run.status === 'QUEUED') return '-';
  // Lists do not say when a run began; it is accepted and begins in one moment unless it is queued.
  const since = (run.startTime ?? run.createTime).getTime();
  return formatDuration(Math.max(0, (run.endTime?.getTime() ?? nowMs) - since));
}

function errorOf({ error, stuck }: RunView, wide: boolean): string {
  if (error === undefined) return stuck === undefined ? '' : stuckOf(stuck, wide);
  const step = error.step === undefined ? '' : `${safe(error.step)}: `;
  if (!wide) return `${step}${safe(error.code)}`;
  return cut(`${step}${safe(error.code)} ${safe(error.message)}`, ERROR_WIDTH);
}

/** `stuck NO_AGENT: load`; wide with the whole sentence. */
function stuckOf({ reason, step, message }: NonNullable<RunView['stuck']>, wide: boolean): string {
  if (wide) return cut(`stuck ${reason}: ${safe(message)}`, ERROR_WIDTH);
  return `stuck ${reason}${step === undefined ? '' : `: ${safe(step)}`}`;
}

export function renderAgents(agents: readonly AgentView[], options: ListOptions): string {
  const columns: readonly Column<AgentView>[] = [
    { title: 'AGENT', cell: (agent) => safe(agent.agentId) },
    { title: 'STATE', cell: (agent) => agent.status, status: true },
    { title: 'READY', cell: (agent) => `${readyOf(agent).length}/${agent.instances.length}` },
    { title: 'SLOTS', cell: slotsOf },
    { title: 'LOAD', cell: loadOf },
    { title: 'RTT', cell: rttOf },
    { title: 'CAPABILITIES', cell: (agent) => capabilitiesOf(agent, options.wide) },
    { title: 'SDK', cell: (agent) => sdkOf(agent, options.nowMs) },
    { title: 'CORDONS', wide: true, cell: (agent) => cordonsOf(agent, options.utc) },
  ];
  return renderTable(agents, columns, options);
}

function cordonsOf(agent: AgentView, utc: boolean): string {
  return agent.instances.flatMap((instance) => cordonText(instance, utc) ?? []).join('; ');
}

function readyOf(agent: AgentView): readonly InstanceView[] {
  return agent.instances.filter((instance) => instance.status === 'READY');
}

/** Those that are there, whatever they do. */
function presentOf(agent: AgentView): readonly InstanceView[] {
  return agent.instances.filter(({ status }) => status !== 'LOST' && status !== 'MISSING');
}

function slotsOf(agent: AgentView): string {
  const present = presentOf(agent);
  if (present.length === 0) return '-';
  const used = present.reduce((sum, instance) => sum + instance.slotsUsed, 0);
  const all = present.reduce((sum, instance) => sum + instance.slots, 0);
  return `${used}/${all}`;
}

function loadOf(agent: AgentView): string {
  const present = presentOf(agent);
  if (present.length === 0) return '-';
  return (present.reduce((sum, instance) => sum + instance.load, 0) / present.length).toFixed(2);
}

function rttOf(agent: AgentView): string {
  const measured = presentOf(agent).flatMap(({ rttMs }) => (rttMs === undefined ? [] : [rttMs]));
  return measured.length === 0 ? '-' : `${Math.max(1, Math.round(Math.max(...measured)))}ms`;
}

function capabilitiesOf(agent: AgentView, wide: boolean): string {
  const names = agent.instances.flatMap(({ capabilities }) =>
    capabilities.map(({ name, version }) => capabilityName(name, version)),
  );
  const unique = [...new Set(names)].sort();
  if (wide || unique.length <= CAPABILITIES_SHOWN) return unique.join(',');
  return `${unique.slice(0, CAPABILITIES_SHOWN).join(',')} +${unique.length - CAPABILITIES_SHOWN}`;
}

function sdkOf(agent: AgentView, nowMs: number): string {
  const [newest] = agent.instances.toSorted((a, b) => seenMs(b) - seenMs(a));
  if (newest === undefined) return '';
  const language = safe(newest.sdk.language).split(' ')[0] ?? '';
  const sdk = [language, shortVersion(newest.sdk.version)].filter((part) => part !== '').join(' ');
  if (presentOf(agent).length > 0 || newest.lastSeenTime === undefined) return sdk;
  return `${sdk === '' ? '' : `${sdk}, `}seen ${roughly(nowMs - seenMs(newest))} ago`;
}

function seenMs(instance: InstanceView): number {
  return instance.lastSeenTime?.getTime() ?? 0;
}

export function renderWorkflows(workflows: readonly WorkflowView[], options: ListOptions): string {
  const columns: readonly Column<WorkflowView>[] = [
    { title: 'WORKFLOW', cell: (workflow) => safe(workflow.name) },
    { title: 'VERSION', cell: (workflow) => `v${workflow.version}` },
    { title: 'STEPS', cell: (workflow) => String(workflow.steps.filter(({ kind }) => kind === 'AGENT').length) },
    { title: 'REGISTERED', cell: ({ createTime }) => ageOf(createTime, options.nowMs) },
    { title: 'HASH', cell: ({ hash }) => hash.slice(0, 12), wide: true },
    { title: 'DESCRIPTION', cell: ({ description }) => cut(safe(description), DESCRIPTION_WIDTH) },
  ];
  return renderTable(workflows, columns, options);
}

export function renderAudit(entries: readonly AuditEntryView[], options: ListOptions): string {
  const { wide, utc } = options;
  const columns: readonly Column<AuditEntryView>[] = [
    { title: 'TIME', cell: ({ time }) => (time === undefined ? '' : dateTime(time, utc)) },
    { title: 'ACTOR', cell: ({ actor }) => nameCell(actor.name, wide) },
    { title: 'ACTION', cell: ({ action }) => safe(action) },
    { title: 'OUTCOME', cell: ({ outcome }) => outcome, status: true },
    { title: 'SUBJECT', cell: (entry) => subjectOf(entry, wide) },
    { title: 'WORKFLOW', cell: workflowOf },
    { title: 'FROM', cell: ({ actor }) => safe(actor.address), wide: true },
    { title: 'USER AGENT', cell: ({ actor }) => safe(actor.userAgent), wide: true },
    { title: 'REQUEST', cell: ({ requestId }) => safe(requestId), wide: true },
    { title: 'NOTE', cell: (entry) => (wide ? noteOf(entry, wide) : cut(noteOf(entry, wide), NOTE_WIDTH)) },
  ];
  return renderTable(entries, columns, options);
}

function nameCell(name: string, wide: boolean): string {
  return wide ? safe(name) : cut(safe(name), NAME_WIDTH);
}

function subjectOf({ subject, outcome }: AuditEntryView, wide: boolean): string {
  // What was refused may be no id at all.
  const isRunId = subject.kind === 'RUN' && outcome === 'DONE';
  return isRunId && !wide ? shortId(subject.name) : nameCell(subject.name, wide);
}

function workflowOf({ workflow, version }: AuditEntryView): string {
  if (workflow === undefined) return '';
  return version === undefined ? cut(safe(workflow), NAME_WIDTH) : `${cut(safe(workflow), NAME_WIDTH)} v${version}`;
}

/** Why it was refused, or what was said of it. */
function noteOf({ errorCode, details }: AuditEntryView, wide: boolean): string {
  const { message, ...rest } = details;
  const said = Object.entries(rest).map(([key, text]) => `${safe(key)}: ${safe(text)}`);
  const why = wide ? ` ${safe(message ?? '')}` : '';
  const refused = errorCode === undefined ? [] : [`${safe(errorCode)}${why}`.trim()];
  return [...refused, ...said].join('; ');
}

function ageOf(time: Date | undefined, nowMs: number): string {
  return time === undefined ? '' : `${roughly(nowMs - time.getTime())} ago`;
}
