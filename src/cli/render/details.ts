/** One agent, one workflow. */
import type { AgentView, InstanceView, WorkflowScheduleView, WorkflowView } from '../../client/index.ts';
import { parseAttemptId, shortId } from '../../core/ids.ts';
import type { JsonObject } from '../../core/json.ts';
import { cordonText } from './cordon.ts';
import { propertyLines } from './form.ts';
import type { ListOptions } from './lists.ts';
import { scheduleText } from './schedules.ts';
import { paintStatus } from './style.ts';
import { alignParts, renderTable } from './table.ts';
import { capabilityName, plural, safe } from './text.ts';
import { clockTime, roughly } from './time.ts';

/** Instances, what they have, and what happened to them. */
export function renderAgent(agent: AgentView, options: ListOptions): string {
  const { nowMs, style, utc } = options;
  const parts = [
    `${safe(agent.agentId)}  ${paintStatus(style, agent.status)}  ${plural(agent.instances.length, 'instance')}`,
    renderInstances(agent.instances, options),
    ...agent.instances.flatMap((instance) => cordonText(instance, utc) ?? []),
    ...labelLines(agent),
    ...refusedLines(agent.instances),
    ...attemptLines(agent.instances),
    ...agent.events.map((event) => {
      const time = event.time === undefined ? '' : clockTime(event.time, utc);
      return `${time} ${safe(event.instanceId).slice(-4)} ${safe(event.kind)} ${safe(event.message)}`.trim();
    }),
  ];
  const seen = agent.instances.flatMap(({ lastSeenTime }) =>
    lastSeenTime === undefined ? [] : [lastSeenTime.getTime()],
  );
  if (agent.status === 'LOST' && seen.length > 0) parts.push(`last seen ${roughly(nowMs - Math.max(...seen))} ago`);
  return parts.filter((part) => part !== '').join('\n');
}

function renderInstances(instances: readonly InstanceView[], options: ListOptions): string {
  const { nowMs } = options;
  return renderTable(
    instances,
    [
      {
        title: 'INSTANCE',
        cell: (it) => (options.wide ? safe(it.instanceId) : safe(it.instanceId).slice(-4)),
      },
      { title: 'STATE', cell: (it) => it.status, status: true },
      { title: 'SLOTS', cell: (it) => `${it.slotsUsed}/${it.slots}` },
      { title: 'LOAD', cell: (it) => it.load.toFixed(2) },
      { title: 'RTT', cell: (it) => (it.rttMs === undefined ? '' : `${Math.max(1, Math.round(it.rttMs))}ms`) },
      {
        title: 'UP',
        cell: (it) => (it.connectTime === undefined ? '' : roughly(nowMs - it.connectTime.getTime())),
      },
      { title: 'PLACE', cell: (it) => placeOf(it) },
      {
        title: 'LABELS',
        wide: true,
        cell: (it) =>
          Object.entries(it.labels)
            .map(([key, value]) => `${safe(key)}=${safe(value)}`)
            .join(','),
      },
      {
        title: 'CAPABILITIES',
        cell: (it) => it.capabilities.map(({ name, version }) => capabilityName(name, version)).join(','),
      },
    ],
    options,
  );
}

function placeOf({ place, isManual }: InstanceView): string {
  return [...(place === '' ? [] : [safe(place)]), ...(isManual ? ['by hand'] : [])].join(', ');
}

/** Whose labels are whose, where operators gave any. */
function labelLines({ operatorLabels, instances }: AgentView): readonly string[] {
  const given = labelsText(operatorLabels);
  if (given === '') return [];
  const claims = instances.flatMap(({ instanceId, overriddenLabels }) => {
    const claimed = labelsText(overriddenLabels);
    return claimed === '' ? [] : [`${safe(instanceId).slice(-4)} claims ${claimed}, which does not hold`];
  });
  return [`labels by operators: ${given}`, ...claims];
}

function labelsText(labels: Readonly<Record<string, string>>): string {
  const pairs = Object.entries(labels).map(([key, value]) => `${safe(key)}=${safe(value)}`);
  return pairs.sort().join(', ');
}

function refusedLines(instances: readonly InstanceView[]): readonly string[] {
  return instances.flatMap(({ instanceId, refusedCapabilities }) =>
    refusedCapabilities.map(({ name, version, reason }) => {
      const which = capabilityName(name, version);
      return `${safe(instanceId).slice(-4)} offers ${which}, which is refused: ${safe(reason)}`;
    }),
  );
}

function attemptLines(instances: readonly InstanceView[]): readonly string[] {
  const lines = instances.flatMap(({ instanceId, attemptIds }) =>
    attemptIds.map((id) => {
      const key = parseAttemptId(id);
      const what =
        key === undefined ? safe(id) : `${safe(key.path)} attempt ${key.number} of run ${shortId(key.runId)}`;
      return [`${safe(instanceId).slice(-4)} has`, what];
    }),
  );
  return alignParts(lines, ' ');
}

const ATTACHED = { fallback: 'when it fails', compensate: 'to undo it' } as const;

/** Name, what it is for, what it takes, and the steps as a tree. */
export function renderWorkflow(workflow: WorkflowView): string {
  const steps = workflow.steps.map((step) => [
    `  ${'  '.repeat(step.depth)}${safe(step.id)}`,
    step.action === undefined ? step.kind.toLowerCase() : safe(step.action),
    [
      ...(step.agentId === undefined ? [] : [`on ${safe(step.agentId)}`]),
      ...(step.dependencies.length === 0 ? [] : [`after ${step.dependencies.map(safe).join(', ')}`]),
      ...(step.cleanup ? ['finally'] : []),
      ...(step.attached === undefined ? [] : [ATTACHED[step.attached]]),
    ].join(', '),
  ]);
  return [
    `${safe(workflow.name)} v${workflow.version}  ${workflow.hash.slice(0, 12)}`,
    ...(workflow.description === '' ? [] : [safe(workflow.description)]),
    ...scheduleLines(workflow.schedule),
    ...parameterLines(workflow.parameters),
    'steps:',
    ...alignParts(steps),
  ].join('\n');
}

function scheduleLines(schedule: WorkflowScheduleView | undefined): readonly string[] {
  return schedule === undefined ? [] : [`schedule: ${scheduleText(schedule)}`];
}

function parameterLines(schema: JsonObject | undefined): readonly string[] {
  const lines = propertyLines(schema);
  return lines.length === 0 ? [] : ['parameters:', ...lines];
}
