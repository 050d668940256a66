import { status as Status } from '@grpc/grpc-js';
import { describe, expect, it } from 'vitest';
import { Orchestrator } from '../../../src/client/index.ts';
import { ScheduleCatchUp, ScheduleOverlap } from '../../../src/gen/yardmaster/v1/schedule_pb.ts';
import { ScheduleService } from '../../../src/gen/yardmaster/v1/schedule_service_pb.ts';
import { WorkflowService } from '../../../src/gen/yardmaster/v1/workflow_service_pb.ts';
import { Mesh } from './mesh.ts';
import { failureOf } from './rig.ts';

const { putSchedule, getSchedule, listSchedules, deleteSchedule, pauseSchedule, triggerSchedule } =
  ScheduleService.method;
const NIGHTLY = { name: 'nightly', workflow: 'Greeting', cron: '0 2 * * *' };

async function start(): Promise<Mesh> {
  const mesh = await Mesh.start();
  const source = { text: '{"name":"Greeting","steps":[{"id":"greet","action":"greet"}]}', file: 'greeting.json' };
  await mesh.rig.unary(WorkflowService.method.registerWorkflow, { definition: { case: 'source', value: source } });
  return mesh;
}

describe('schedules over the network', () => {
  it('gives back what was put, with the defaults said', async () => {
    await using mesh = await start();
    const { schedule, created } = await mesh.rig.unary(putSchedule, { schedule: NIGHTLY });
    expect(created).toBe(true);
    expect(schedule).toMatchObject({
      ...NIGHTLY,
      timezone: 'UTC',
      overlap: ScheduleOverlap.SKIP,
      catchUp: ScheduleCatchUp.ONE,
      catchUpWindow: { seconds: 86_400n },
      paused: false,
      lastRunId: '',
    });
    expect(schedule?.nextTimes).toHaveLength(3);
    const again = await mesh.rig.unary(putSchedule, { schedule: { ...NIGHTLY, timezone: 'Asia/Tokyo' } });
    expect(again).toMatchObject({ created: false, schedule: { timezone: 'Asia/Tokyo' } });
    expect((await mesh.rig.unary(getSchedule, { name: 'nightly' })).schedule?.timezone).toBe('Asia/Tokyo');
  });

  it('tells everything that is wrong with a schedule at once', async () => {
    await using mesh = await start();
    await using client = new Orchestrator({ url: `http://127.0.0.1:${mesh.rig.port}` });
    const wrong = {
      workflow: 'Greting',
      cron: '61 * * * *',
      timezone: 'Europe/Berln',
      parameters: [1],
      labels: { schedule: 'mine' },
      catchUpWindow: 0,
    };
    const error = await client.schedules.put('a b', wrong).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ code: 'SCHEDULE_INVALID', message: expect.stringContaining('7 problems') });
    const problems = (error as { problems: { code: string; message: string }[] }).problems;
    expect(problems.map(({ code, message }) => `${code} ${message}`)).toEqual([
      expect.stringMatching(/^INVALID_ARGUMENT "name": "a b" is not a name/),
      'INVALID_ARGUMENT "parameters": are not an object',
      'INVALID_ARGUMENT "labels.schedule": is set by the control plane',
      'INVALID_ARGUMENT "catch_up_window": is not more than 0 and at most 365 days',
      'BAD_CRON "cron": cannot read "61 * * * *": Invalid value for minute: 61',
      'UNKNOWN_TIMEZONE "timezone": there is no timezone "Europe/Berln"; did you mean "Europe/Berlin"?',
      'WORKFLOW_NOT_FOUND "workflow": Cannot find workflow "Greting"; did you mean "Greeting"?',
    ]);
    const empty = await failureOf(mesh.rig.unary(putSchedule, {}));
    expect(empty.code).toBe(Status.INVALID_ARGUMENT);
    const later = { schedule: { ...NIGHTLY, version: 9, overlap: 77 as ScheduleOverlap } };
    expect((await failureOf(mesh.rig.unary(putSchedule, later))).message).toContain('2 problems');
    expect((await mesh.rig.unary(listSchedules, {})).schedules).toEqual([]);
  });

  it('refuses parameters over 64 KiB', async () => {
    await using mesh = await start();
    await using client = new Orchestrator({ url: `http://127.0.0.1:${mesh.rig.port}` });
    const put = client.schedules.put('nightly', { ...NIGHTLY, parameters: { text: 'x'.repeat(65_536) } });
    await expect(put).rejects.toMatchObject({ problems: [{ code: 'PARAMETERS_INVALID' }] });
  });

  it('lists by name, page after page', async () => {
    await using mesh = await start();
    for (const name of ['c', 'a', 'b']) await mesh.rig.unary(putSchedule, { schedule: { ...NIGHTLY, name } });
    const first = await mesh.rig.unary(listSchedules, { pageSize: 2 });
    expect(first.schedules.map(({ name }) => name)).toEqual(['a', 'b']);
    const second = await mesh.rig.unary(listSchedules, { pageSize: 2, pageToken: first.nextPageToken });
    expect(second).toMatchObject({ schedules: [{ name: 'c' }], nextPageToken: '' });
    expect((await failureOf(mesh.rig.unary(listSchedules, { pageToken: 'x' }))).code).toBe(Status.INVALID_ARGUMENT);
  });

  it('says which schedule was meant when there is none of that name', async () => {
    await using mesh = await start();
    await mesh.rig.unary(putSchedule, { schedule: NIGHTLY });
    const calls = [getSchedule, deleteSchedule, pauseSchedule, triggerSchedule] as const;
    for (const method of calls) {
      const failure = await failureOf(mesh.rig.unary(method, { name: 'nigthly' }));
      expect(failure.code).toBe(Status.NOT_FOUND);
      expect(failure.message).toContain('did you mean "nightly"?');
    }
  });

  it('triggers a run, and shows it as the last one', async () => {
    await using mesh = await start();
    await mesh.rig.unary(putSchedule, { schedule: NIGHTLY });
    const long = await failureOf(mesh.rig.unary(triggerSchedule, { name: 'nightly', requestId: 'x'.repeat(129) }));
    expect(long.code).toBe(Status.INVALID_ARGUMENT);
    const { runId, workflowVersion, created } = await mesh.rig.unary(triggerSchedule, { name: 'nightly' });
    expect([workflowVersion, created]).toEqual([1, true]);
    expect((await mesh.rig.unary(getSchedule, { name: 'nightly' })).schedule?.lastRunId).toBe(runId);
  });
});
