/**
 * `yardmaster demo`: a real workflow on a real mesh, one agent of which dies. A control plane and nine agents as processes,
 * two databases, an HTTP API and a webhook; then it looks whether everything happened that it shows.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { WorkflowResult } from '../client/index.ts';
import { workflowFile } from './agents.ts';
import { readAirports } from './data.ts';
import { countCleanRows, countPage, fetchNotifications, readAttemptFile } from './evidence.ts';
import { Follower } from './follow.ts';
import { countJoined, type Evidence, findFaults } from './judge.ts';
import { formatRows, formatSeconds, type Lines } from './lines.ts';
import { type DemoOptions, presentDemo } from './present.ts';
import { type DemoResult, toDemoStep } from './result.ts';
import { countSources } from './sources.ts';
import { type Folders, type Stage, setUp } from './stage.ts';
import { printTimeline } from './timeline.ts';

const WORKFLOW = 'OptimizedDataProcessing';
/** People tell runs apart by their last characters. */
const TAIL = 8;

/** Answers with the exit code: 0 only if all of it happened. Throws DEMO_FAILED when it could not be set up. */
export function runDemo(options: DemoOptions = {}): Promise<number> {
  return presentDemo(options, async ({ lines, port, signal, cleanup }) => {
    const stage = cleanup.use(await setUp(port, signal));
    const { address, store, folders } = stage;
    const next = { address, workflow: WORKFLOW, folder: folders.work, store };
    return { result: await perform(stage, lines), next };
  });
}

async function perform(stage: Stage, lines: Lines): Promise<DemoResult> {
  const { mesh, processes, fleet, signal, address, agents } = stage;
  const file = workflowFile();
  await mesh.registerWorkflow({ yaml: readFileSync(file, 'utf8'), file });
  const run = await mesh.startWorkflow(WORKFLOW, {}, { signal });
  lines.text(`control plane ${address}, ${agents.length} agent processes; run ${run.id.slice(-TAIL)} ${WORKFLOW}`);
  const follower = new Follower({ fleet, lines, kill: (pid) => processes.kill(pid) });
  const ended = Promise.all([run.result(), follower.follow(run.events({ live: true, signal }))]);
  const [result] = await Promise.race([ended, processes.watch(signal)]);
  const evidence = await collectEvidence(stage, result, follower);
  const answer = createResult(stage, evidence);
  printSummary(stage, lines, { answer, result, follower });
  return answer;
}

async function collectEvidence(stage: Stage, result: WorkflowResult, follower: Follower): Promise<Evidence> {
  const { folders, processes, fleet, web, signal } = stage;
  const { killed, rerouted } = follower;
  const successor = rerouted === undefined ? undefined : fleet.get(rerouted.toInstance);
  const isAlive = successor !== undefined && processes.isAlive(successor.pid);
  const fileOf = (attempt: number | undefined): ReturnType<typeof readAttemptFile> =>
    attempt === undefined ? undefined : readAttemptFile(folders.results, result.runId, attempt);
  return {
    result,
    killed,
    rerouted,
    process: {
      killedBy: killed === undefined ? null : processes.signalOf(killed.pid),
      successorPid: isAlive ? successor.pid : undefined,
    },
    distinct: countSources(folders.sources).distinct,
    cleanRows: countCleanRows(result.steps.find((step) => step.path === 'clean-data')?.output),
    files: { killed: fileOf(killed?.attempt), successor: fileOf(rerouted?.attempt) },
    pages: Object.fromEntries(pagesOf(folders).map((path) => [path, countPage(path)])),
    notifications: await fetchNotifications(web.notificationsUrl, signal),
  };
}

function createResult({ folders }: Stage, evidence: Evidence): DemoResult {
  const { result, killed, rerouted, cleanRows, files, notifications } = evidence;
  const faults = findFaults(evidence);
  const hasFiles = files.killed !== undefined && files.successor !== undefined;
  return {
    ok: faults.length === 0,
    run: { id: result.runId, status: result.status, durationMs: result.durationMs },
    killed: killed ?? null,
    rerouted: rerouted ?? null,
    steps: result.steps.filter((step) => step.kind === 'AGENT').map(toDemoStep),
    rows: {
      in: countSources(folders.sources).rows + readAirports().rows.length,
      clean: cleanRows,
      out: hasFiles ? countJoined(files.killed, files.successor) : 0,
    },
    artifacts: pagesOf(folders),
    notifications: notifications.length,
    ...(faults.length === 0 ? {} : { faults }),
  };
}

interface Told {
  readonly answer: DemoResult;
  readonly result: WorkflowResult;
  readonly follower: Follower;
}

function printSummary({ folders, fleet }: Stage, lines: Lines, { answer, result, follower }: Told): void {
  const { rows, notifications, faults = [] } = answer;
  const [report = '', ...others] = pagesOf(folders);
  lines.text(`${result.status} ${formatSeconds(result.durationMs)}. report: ${report}`);
  lines.text('');
  const { killed, killedAt } = follower;
  printTimeline(lines, {
    steps: result.steps,
    startedAt: result.startTime?.getTime() ?? 0,
    durationMs: result.durationMs,
    fleet,
    killed: killed === undefined || killedAt === undefined ? [] : [{ instance: killed.instance, at: killedAt }],
  });
  lines.text('');
  const once = answer.ok ? ', each counted once' : '';
  lines.text(`${formatRows(rows.in)} in, ${formatRows(rows.clean)} clean, ${formatRows(rows.out)} out${once}`);
  for (const path of [report, ...others]) lines.text(pathToFileURL(path).href);
  lines.text(`notifications at the webhook: ${notifications}`);
  lines.text('');
  for (const fault of faults) lines.say({ mark: 'x', subject: fault });
}

function pagesOf({ outputs }: Folders): readonly string[] {
  return [join(outputs, 'report.html'), join(outputs, 'dashboard.html')];
}
