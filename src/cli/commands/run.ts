import type { Command } from 'commander';
import type { PriorityName } from '../../client/index.ts';
import { shortId } from '../../core/ids.ts';
import type { JsonObject } from '../../core/json.ts';
import { type Context, say } from '../context.ts';
import { exitCodes } from '../exit-codes.ts';
import { followRun } from '../follow.ts';
import { collect, readCount, readPairs, usageError } from '../options.ts';
import { readParameters } from '../parameters.ts';
import { isForPeople, printText } from '../print.ts';
import { looksLikeFile } from '../read-workflow-file.ts';
import { runTail } from '../render/text.ts';
import type { Bind } from './group.ts';
import { registerFile } from './workflows.ts';

interface RunFlags {
  readonly parameter: readonly string[];
  readonly label: readonly string[];
  readonly requestId?: string;
  readonly priority?: string;
  readonly version?: number;
  readonly detach?: boolean;
}

export function addRunCommand(program: Command, bind: Bind): void {
  program
    .command('run')
    .argument('<file|name>', 'a definition to register, or the name of a workflow')
    .description('register, start and watch; Ctrl-C leaves the run going')
    .option('-p, --parameter <key=value>', 'typed by the workflow; may be repeated', collect, [])
    .option('--label <key=value>', 'a fact to find the run by; may be repeated', collect, [])
    .option('--request-id <id>', 'the same id starts one run, however often it is sent')
    .option('--priority <name>', 'low, normal, high or critical')
    .option('--version <n>', 'of the workflow; default: the newest', readCount)
    .option('--detach', 'start only; print the id')
    .action(bind(run));
}

async function run(context: Context, target: string, flags: RunFlags): Promise<number> {
  const workflow = await findWorkflow(context, target, flags.version);
  const handle = await context
    .mesh()
    .startWorkflow(workflow.name, readParameters(flags.parameter, workflow.parameters), {
      version: workflow.version,
      labels: readPairs(flags.label),
      // A start that met a cut is repeated, so that exit code 6 means that nothing runs.
      requestId: flags.requestId ?? crypto.randomUUID(),
      ...(flags.priority === undefined ? {} : { priority: readPriority(flags.priority) }),
      ...(context.signal === undefined ? {} : { signal: context.signal }),
    });
  if (flags.detach === true) return tellStarted(context, handle.id);
  return followRun(context, handle.id);
}

function tellStarted(context: Context, runId: string): number {
  printText(context, isForPeople(context) ? runId : JSON.stringify({ runId }));
  say(context, `run ${shortId(runId)} started. next: yardmaster runs watch ${runTail(runId)}`);
  return exitCodes.ok;
}

interface Target {
  readonly name: string;
  readonly version: number;
  readonly parameters: JsonObject | undefined;
}

async function findWorkflow(context: Context, target: string, version: number | undefined): Promise<Target> {
  if (!looksLikeFile(target)) return context.mesh().fetchWorkflow(target, version ?? 0);
  const { workflow, created } = await registerFile(context, target, false);
  if (workflow === undefined) throw usageError(`Cannot run "${target}": it was not registered`);
  if (created) say(context, `registered ${workflow.name} v${workflow.version}`);
  return { name: workflow.name, version: workflow.version, parameters: workflow.parameters };
}

const PRIORITIES: readonly PriorityName[] = ['low', 'normal', 'high', 'critical'];

function readPriority(text: string): PriorityName {
  const found = PRIORITIES.find((name) => name === text);
  if (found !== undefined) return found;
  throw usageError(`Cannot use the priority "${text}": it is none of ${PRIORITIES.join(', ')}`);
}
