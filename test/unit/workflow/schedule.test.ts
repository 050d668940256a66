/** `schedule` of a workflow: its written forms, and what is wrong with one. */
import { create, fromBinary, fromJson, type JsonObject, toBinary } from '@bufbuild/protobuf';
import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { toWireWorkflow } from '../../../src/client/convert/definition.ts';
import { Faults } from '../../../src/control-plane/api/convert/faults.ts';
import { readDefinition, writeWorkflow } from '../../../src/control-plane/api/convert/workflow.ts';
import { limits } from '../../../src/core/limits.ts';
import type { ScheduleOverlap } from '../../../src/gen/yardmaster/v1/schedule_pb.ts';
import { WorkflowScheduleSchema, WorkflowSchema } from '../../../src/gen/yardmaster/v1/workflow_pb.ts';
import { WorkflowBuilder } from '../../../src/workflow/builder/index.ts';
import { compareWorkflows } from '../../../src/workflow/changes.ts';
import type { WorkflowDefinition } from '../../../src/workflow/definition.ts';
import { canonicalWorkflow, checkWorkflow, inspectWorkflow, readWorkflow } from '../../../src/workflow/index.ts';

const YAML = `name: Report
description: Sums up the day before
timeout: 1h
parameters: { type: object, properties: { region: { type: string } }, required: [region] }
schedule:
  cron: 0 2 * * *
  timezone: Europe/Berlin
  parameters: { region: north }
  labels: { team: data }
  priority: high
  overlap: cancelOther
  catchUp: all
  catchUpWindow: 12h
  paused: true
steps:
  - { id: sum, action: sum }
`;

const SCHEDULE = {
  cron: '0 2 * * *',
  timezone: 'Europe/Berlin',
  parameters: { region: 'north' },
  labels: { team: 'data' },
  priority: 'high',
  overlap: 'cancelOther',
  catchUp: 'all',
  paused: true,
} as const;

const parameters = { type: 'object', properties: { region: { type: 'string' } }, required: ['region'] };
const JSON_FORM = {
  name: 'Report',
  description: 'Sums up the day before',
  timeout: '1h',
  parameters,
  schedule: { ...SCHEDULE, catchUpWindow: '12h' },
  steps: [{ id: 'sum', action: 'sum' }],
};
const PROTO: JsonObject = {
  name: 'Report',
  description: 'Sums up the day before',
  timeout: '3600s',
  parameters,
  schedule: {
    cron: '0 2 * * *',
    timezone: 'Europe/Berlin',
    parameters: { region: 'north' },
    labels: { team: 'data' },
    priority: 'PRIORITY_HIGH',
    overlap: 'SCHEDULE_OVERLAP_CANCEL_OTHER',
    catchUp: 'SCHEDULE_CATCH_UP_ALL',
    catchUpWindow: '43200s',
    paused: true,
  },
  steps: [{ id: 'sum', agent: { action: 'sum' } }],
};

const yaml = (text: string): WorkflowDefinition => readWorkflow({ text, format: 'yaml' }).definition;
const json = (value: object): WorkflowDefinition =>
  readWorkflow({ text: JSON.stringify(value), format: 'json' }).definition;

function proto(wire: JsonObject): WorkflowDefinition {
  const faults = new Faults('INVALID_ARGUMENT');
  const definition = readDefinition(faults, fromJson(WorkflowSchema, wire));
  expect(faults.problems).toEqual([]);
  return definition;
}

const typed = (): WorkflowDefinition =>
  new WorkflowBuilder('Report')
    .description('Sums up the day before')
    .timeout('1h')
    .params(z.object({ region: z.string() }))
    .schedule({ ...SCHEDULE, catchUpWindow: '12h' })
    .step('sum', { action: 'sum' })
    .build().definition;

const plain = (): WorkflowDefinition =>
  new WorkflowBuilder('Report')
    .description('Sums up the day before')
    .timeout('1h')
    .schedule({ ...SCHEDULE, catchUpWindow: 43_200_000 })
    .step('sum', { action: 'sum' })
    .build().definition;

describe('the five forms', () => {
  test('are one definition', () => {
    const expected = { ...SCHEDULE, catchUpWindowMs: 43_200_000 };
    const all = [yaml(YAML), json(JSON_FORM), proto(PROTO), typed(), plain()];
    expect(all.map(({ schedule }) => schedule)).toEqual(all.map(() => expected));
    const whole = new Set([yaml(YAML), json(JSON_FORM), proto(PROTO)].map(canonicalWorkflow));
    expect(whole.size).toBe(1);
  });

  test('text is the cron, and a default written out is content like any other but for paused and empty labels', () => {
    const short = { ...JSON_FORM, parameters: undefined, schedule: '@daily' };
    const long = { ...short, schedule: { cron: '@daily', labels: {}, paused: false } };
    expect(json(short).schedule).toEqual({ cron: '@daily' });
    expect(canonicalWorkflow(json(long))).toBe(canonicalWorkflow(json(short)));
    expect(new WorkflowBuilder('A').schedule('@daily').step('a', { action: 'a' }).build().definition.schedule).toEqual({
      cron: '@daily',
    });
  });

  test.each([yaml(YAML), json({ ...JSON_FORM, schedule: '@daily' }), json({ ...JSON_FORM, schedule: undefined })])(
    'go over the wire and back unchanged',
    (definition) => {
      const row = { namespace: 'n', name: 'Report', version: 1, hash: 'h', definition: '', createdAt: 0 };
      const wire = [toWireWorkflow(definition), writeWorkflow({ row, definition, created: false, warnings: [] })];
      for (const workflow of wire) {
        const faults = new Faults('INVALID_ARGUMENT');
        const read = readDefinition(faults, fromBinary(WorkflowSchema, toBinary(WorkflowSchema, workflow)));
        expect(faults.problems).toEqual([]);
        expect(canonicalWorkflow(read)).toBe(canonicalWorkflow(definition));
      }
    },
  );

  test('the typed form asks for the parameters of the workflow', () => {
    const builder = new WorkflowBuilder('A').params(z.object({ region: z.string() }));
    // @ts-expect-error a run without "region" could not start
    builder.schedule({ cron: '@daily' });
    // @ts-expect-error it is text
    builder.schedule({ cron: '@daily', parameters: { region: 1 } });
    new WorkflowBuilder('A').params(z.object({ region: z.string().optional() })).schedule({ cron: '@daily' });
  });
});

test('every problem of the form is told at once, with its place and the nearest name', () => {
  const text = `name: Report
description: d
schedule:
  crn: 0 2 * * *
  timezone: 5
  overlap: cancelOthr
  catchUpWindow: soon
  version: 3
  workflow: Other
timeout: 1h
steps: [{ id: sum, action: sum }]
`;
  const { errors } = inspectWorkflow({ text, format: 'yaml', file: 'report.yaml' });
  expect(errors.map(({ code, place, hint }) => [code, place?.line, place?.pointer, hint])).toEqual([
    ['MISSING_FIELD', 4, 'schedule', undefined],
    ['UNKNOWN_FIELD', 4, 'schedule.crn', 'did you mean "cron"?'],
    ['BAD_FIELD', 5, 'schedule.timezone', undefined],
    ['BAD_FIELD', 6, 'schedule.overlap', 'did you mean "cancelOther"?'],
    ['BAD_FIELD', 7, 'schedule.catchUpWindow', undefined],
    ['UNKNOWN_FIELD', 8, 'schedule.version', 'it starts the newest version'],
    ['UNKNOWN_FIELD', 9, 'schedule.workflow', 'it starts the workflow that it stands in'],
  ]);
});

test('every problem of its meaning is told at once, with its place', () => {
  const text = `name: Report
description: d
timeout: 1h
schedule:
  cron: 61 2 * * *
  timezone: Europe/Berln
  labels: { schedule: mine }
  catchUpWindow: 400d
steps: [{ id: sum, action: sum }]
`;
  const { errors } = inspectWorkflow({ text, format: 'yaml' });
  expect(errors.map(({ code, message, place, next }) => [code, place?.line, message, next])).toEqual([
    [
      'BAD_CRON',
      5,
      'the schedule: cannot read "61 2 * * *": Invalid value for minute: 61',
      'write it as "0 2 * * *": minute, hour, day of month, month, day of week',
    ],
    [
      'UNKNOWN_TIMEZONE',
      6,
      'the schedule: there is no timezone "Europe/Berln"; did you mean "Europe/Berlin"?',
      'give an IANA name, such as Europe/Berlin',
    ],
    ['BAD_FIELD', 7, 'the schedule: label "schedule" is set by the control plane', 'give it another name'],
    ['BAD_FIELD', 8, 'the schedule: "catchUpWindow" must be more than 0 and at most 365 days', undefined],
  ]);
});

test('a cron that never ticks, parameters that are too large and windows that are none are refused in every form', () => {
  const problemsOf = (schedule: WorkflowDefinition['schedule'] & object) =>
    checkWorkflow({ ...yaml(YAML), schedule }).map(({ code, place }) => `${code} ${place?.pointer}`);
  expect(problemsOf({ cron: '0 0 30 2 *' })).toEqual(['BAD_CRON schedule.cron']);
  expect(problemsOf({ cron: '' })).toEqual(['BAD_CRON schedule.cron']);
  expect(problemsOf({ cron: '@daily', catchUpWindowMs: 0 })).toEqual(['BAD_FIELD schedule.catchUpWindow']);
  const { catchUpWindowMsMax } = limits;
  expect(problemsOf({ cron: '@daily', catchUpWindowMs: catchUpWindowMsMax })).toEqual([]);
  expect(problemsOf({ cron: '@daily', catchUpWindowMs: catchUpWindowMsMax + 1 })).toEqual([
    'BAD_FIELD schedule.catchUpWindow',
  ]);
  const pad = 'x'.repeat(limits.scheduleParametersBytesMax);
  expect(problemsOf({ cron: '@daily', parameters: { pad } })).toEqual(['LIMIT schedule.parameters']);
  expect(problemsOf({ cron: '0 0 29 2 *' })).toEqual([]);
});

test('a word of the wire that this version does not know is a fault, and so are parameters that are no object', () => {
  const faults = new Faults('INVALID_ARGUMENT');
  // A number that a later version may send.
  const schedule = create(WorkflowScheduleSchema, { cron: '@daily', overlap: 99 as ScheduleOverlap });
  const wire = fromJson(WorkflowSchema, { ...PROTO, schedule: { cron: '@daily', parameters: [1] } });
  readDefinition(faults, wire);
  readDefinition(faults, { ...wire, schedule });
  expect(faults.problems.map(({ place }) => place?.pointer)).toEqual(['schedule.parameters', 'schedule.overlap']);
});

test('a change of the schedule is a change of the workflow', () => {
  const { schedule: _, ...without } = yaml(YAML);
  expect(compareWorkflows(without, yaml(YAML)).fields).toEqual(['schedule']);
  expect(compareWorkflows(yaml(YAML), { ...without, schedule: { cron: '@daily' } }).fields).toEqual(['schedule']);
});
