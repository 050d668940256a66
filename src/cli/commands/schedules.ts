import { type Command, Option } from 'commander';
import {
  catchUpNames,
  collectPages,
  type PriorityName,
  type ScheduleSpec,
  toSchedule,
  toWireSchedule,
  YardmasterError,
} from '../../client/index.ts';
import { shortId } from '../../core/ids.ts';
import type { JsonObject } from '../../core/json.ts';
import { type Context, listOptions, say } from '../context.ts';
import { exitCodes } from '../exit-codes.ts';
import { collect, readCount, readDuration, readPairs } from '../options.ts';
import { readParameters } from '../parameters.ts';
import { isForPeople, printItem, printList, printText } from '../print.ts';
import { renderSchedule, renderSchedules } from '../render/schedules.ts';
import { runTail } from '../render/text.ts';
import type { Bind } from './group.ts';

/** As people write them on a command line. */
const OVERLAPS = { skip: 'skip', allow: 'allow', 'cancel-other': 'cancelOther' } as const;
const PRIORITIES: readonly PriorityName[] = ['low', 'normal', 'high', 'critical'];

export function addSchedulesCommands(program: Command, bind: Bind): void {
  const schedules = program.command('schedules').description('runs started by the clock');
  addPut(schedules, bind);
  schedules.command('list').description('all schedules, with their next ticks').action(bind(listSchedules));
  schedules
    .command('get <name>')
    .description('its content, the next ticks and how the last run stands')
    .action(bind(getSchedule));
  schedules
    .command('pause <name>')
    .option('--reason <text>', 'kept in the audit log')
    .description('start nothing until it is resumed')
    .action(bind(pauseSchedule));
  schedules.command('resume <name>').description('tick from now on').action(bind(resumeSchedule));
  schedules
    .command('trigger <name>')
    .option('--request-id <id>', 'the same id starts one run, however often it is sent')
    .description('start a run now, also in a pause')
    .action(bind(triggerSchedule));
  schedules.command('delete <name>').description('forget it; its runs go on').action(bind(deleteSchedule));
}

interface PutFlags {
  readonly workflow: string;
  readonly cron: string;
  readonly timezone?: string;
  readonly workflowVersion?: number;
  readonly parameter: readonly string[];
  readonly label: readonly string[];
  readonly priority?: PriorityName;
  readonly overlap?: keyof typeof OVERLAPS;
  readonly catchUp?: (typeof catchUpNames)[number];
  readonly catchUpWindow?: number;
  readonly paused?: boolean;
}

function addPut(schedules: Command, bind: Bind): void {
  schedules
    .command('put <name>')
    .description('create a schedule, or give it a new content')
    .requiredOption('--workflow <name>', 'what is started')
    .requiredOption('--cron <expression>', 'such as "0 2 * * *": minute, hour, day of month, month, day of week')
    .option('--timezone <name>', 'such as Europe/Berlin; default: UTC')
    .option('--workflow-version <n>', 'default: the newest at the time of the tick', readCount)
    .option('-p, --parameter <key=value>', 'typed by the workflow; may be repeated', collect, [])
    .option('--label <key=value>', 'a fact to find the runs by; may be repeated', collect, [])
    .addOption(new Option('--priority <name>', 'default: that of the workflow').choices(PRIORITIES))
    .addOption(
      new Option('--overlap <how>', 'while the last run is open; default: skip').choices(Object.keys(OVERLAPS)),
    )
    .addOption(new Option('--catch-up <which>', 'ticks that nobody saw; default: one').choices(catchUpNames))
    .option('--catch-up-window <duration>', 'not those missed longer ago; default: 1d', readDuration)
    .option('--paused', 'start nothing until it is resumed')
    .action(bind(putSchedule));
}

async function putSchedule(context: Context, name: string, flags: PutFlags): Promise<number> {
  const spec: ScheduleSpec = {
    workflow: flags.workflow,
    cron: flags.cron,
    parameters: await readTyped(context, flags),
    labels: readPairs(flags.label),
    ...(flags.timezone === undefined ? {} : { timezone: flags.timezone }),
    ...(flags.workflowVersion === undefined ? {} : { version: flags.workflowVersion }),
    ...(flags.priority === undefined ? {} : { priority: flags.priority }),
    ...(flags.overlap === undefined ? {} : { overlap: OVERLAPS[flags.overlap] }),
    ...(flags.catchUp === undefined ? {} : { catchUp: flags.catchUp }),
    ...(flags.catchUpWindow === undefined ? {} : { catchUpWindow: flags.catchUpWindow }),
    ...(flags.paused === true ? { paused: true } : {}),
  };
  const answer = await context.api().schedules.putSchedule({ schedule: toWireSchedule(name, spec) });
  const { schedule } = answer;
  if (schedule === undefined) throw noSchedule(name);
  say(context, `schedule ${name} ${answer.created ? 'created' : 'changed'}. next: yardmaster schedules get ${name}`);
  printItem(context, {
    message: schedule,
    name,
    text: () => renderSchedule(toSchedule(schedule), listOptions(context)),
  });
  return exitCodes.ok;
}

/** A workflow that is not there is told with everything else that is wrong, by the control plane. */
async function readTyped(context: Context, { workflow, workflowVersion, parameter }: PutFlags): Promise<JsonObject> {
  if (parameter.length === 0) return {};
  const known = await context
    .mesh()
    .fetchWorkflow(workflow, workflowVersion ?? 0)
    .catch((error: unknown) => {
      if (error instanceof YardmasterError && error.code === 'WORKFLOW_NOT_FOUND') return undefined;
      throw error;
    });
  return readParameters(parameter, known?.parameters);
}

async function listSchedules(context: Context): Promise<number> {
  const messages = await collectPages(Number.POSITIVE_INFINITY, async (page) => {
    const { schedules, nextPageToken } = await context.api().schedules.listSchedules(page);
    return { items: schedules, nextPageToken };
  });
  printList(context, {
    key: 'schedules',
    messages,
    nameOf: ({ name }) => name,
    text: () => renderSchedules(messages.map(toSchedule), listOptions(context)),
    empty: 'there is no schedule. next: yardmaster schedules put NAME --workflow WORKFLOW --cron "0 2 * * *"',
  });
  return exitCodes.ok;
}

async function getSchedule(context: Context, name: string): Promise<number> {
  const { schedule } = await context.api().schedules.getSchedule({ name });
  if (schedule === undefined) throw noSchedule(name);
  printItem(context, {
    message: schedule,
    name,
    text: () => renderSchedule(toSchedule(schedule), listOptions(context)),
  });
  return exitCodes.ok;
}

async function pauseSchedule(context: Context, name: string, flags: { readonly reason?: string }): Promise<number> {
  const message = await context.api().schedules.pauseSchedule({ name, reason: flags.reason ?? '' });
  const next = `next: yardmaster schedules resume ${name}`;
  say(
    context,
    message.accepted ? `schedule ${name} is paused. ${next}` : `schedule ${name} was paused already. ${next}`,
  );
  if (!isForPeople(context)) printItem(context, { message, name, text: () => '' });
  return message.accepted ? exitCodes.ok : exitCodes.refused;
}

async function resumeSchedule(context: Context, name: string): Promise<number> {
  const message = await context.api().schedules.resumeSchedule({ name });
  const next = `next: yardmaster schedules get ${name}`;
  say(context, message.accepted ? `schedule ${name} ticks again. ${next}` : `schedule ${name} was not paused. ${next}`);
  if (!isForPeople(context)) printItem(context, { message, name, text: () => '' });
  return message.accepted ? exitCodes.ok : exitCodes.refused;
}

async function triggerSchedule(
  context: Context,
  name: string,
  flags: { readonly requestId?: string },
): Promise<number> {
  const message = await context.api().schedules.triggerSchedule({ name, requestId: flags.requestId ?? '' });
  const { runId } = message;
  printItem(context, { message, name: runId, text: () => runId });
  say(context, `run ${shortId(runId)} started. next: yardmaster runs watch ${runTail(runId)}`);
  return exitCodes.ok;
}

async function deleteSchedule(context: Context, name: string): Promise<number> {
  await context.api().schedules.deleteSchedule({ name });
  if (!isForPeople(context)) printText(context, name);
  say(context, `schedule ${name} is deleted; its runs go on`);
  return exitCodes.ok;
}

function noSchedule(name: string): YardmasterError {
  return new YardmasterError('SCHEDULE_NOT_FOUND', `Cannot get schedule "${name}": there is none`, {
    meta: { status: 'NOT_FOUND' },
    next: 'yardmaster schedules list',
  });
}
