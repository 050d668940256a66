/**
 * `yardmaster demo --languages python,go`: agents in several languages do one workflow, and one of each is killed at its work.
 * They are built from the examples of this repository as their READMEs say; then it looks whether everything happened.
 */
import { mkdirSync, mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Orchestrator, type WorkflowResult } from '../client/index.ts';
import { startControlPlane } from './control-plane.ts';
import type { Fleet } from './fleet.ts';
import { formatSeconds, type Lines } from './lines.ts';
import { buildExamples, type Example, findExamples } from './mixed-examples.ts';
import { startMixedFleet } from './mixed-fleet.ts';
import { MixedFollower } from './mixed-follow.ts';
import { findMixedFaults } from './mixed-judge.ts';
import { countStep, createMixedWorkflow, MIXED_WORKFLOW } from './mixed-workflow.ts';
import { type DemoOptions, presentDemo } from './present.ts';
import { Processes } from './processes.ts';
import { type LanguagesResult, toDemoStep } from './result.ts';
import { printTimeline } from './timeline.ts';

const TAIL = 8;
/** Once all is built. */
const TIME_MAX_MS = 180_000;

interface MixedStage {
  readonly address: string;
  readonly examples: readonly Example[];
  readonly processes: Processes;
  readonly mesh: Orchestrator;
  readonly fleet: Fleet;
  readonly signal: AbortSignal;
}

/** Answers with the exit code: 0 only if all of it happened. Throws LANGUAGE_UNAVAILABLE before anything is started. */
export async function runMixedDemo(languages: readonly string[], options: DemoOptions = {}): Promise<number> {
  const examples = findExamples([...new Set(languages)]);
  return presentDemo(options, async ({ lines, port, signal: stopped, cleanup }) => {
    await buildExamples(examples, lines, stopped);
    const signal = AbortSignal.any([stopped, AbortSignal.timeout(TIME_MAX_MS)]);
    const folder = mkdtempSync(join(tmpdir(), 'yardmaster-demo-'));
    const logs = join(folder, 'logs');
    mkdirSync(logs);
    const processes = cleanup.use(new Processes(logs));
    const store = join(folder, 'yardmaster.db');
    const { address } = await startControlPlane(processes, { port, store });
    signal.throwIfAborted();
    const url = `http://${address}`;
    const mesh = cleanup.use(new Orchestrator({ url }));
    const fleet = await startMixedFleet(examples, { processes, mesh, url, signal });
    const result = await perform({ address, examples, processes, mesh, fleet, signal }, lines);
    const flags = ` --languages ${examples.map(({ language }) => language).join(',')}`;
    return { result, next: { address, workflow: MIXED_WORKFLOW, folder, store, flags } };
  });
}

async function perform(stage: MixedStage, lines: Lines): Promise<LanguagesResult> {
  const { address, examples, processes, mesh, fleet, signal } = stage;
  await mesh.registerWorkflow(createMixedWorkflow(examples));
  const run = await mesh.startWorkflow(MIXED_WORKFLOW, {}, { signal });
  lines.text(`control plane ${address}, ${fleet.size} agent processes; run ${run.id.slice(-TAIL)} ${MIXED_WORKFLOW}`);
  const victims = new Map(examples.map(({ language }) => [countStep(language), language]));
  const follower = new MixedFollower({ fleet, lines, victims, kill: (pid) => processes.kill(pid) });
  const ended = Promise.all([run.result(), follower.follow(run.events({ live: true, signal }))]);
  const [result] = await Promise.race([ended, processes.watch(signal)]);
  const answer = createResult(stage, result, follower);
  printSummary(stage, lines, result, follower, answer);
  return answer;
}

function createResult(
  { examples, processes }: MixedStage,
  result: WorkflowResult,
  follower: MixedFollower,
): LanguagesResult {
  const { kills, reroutes } = follower;
  const languages = examples.map(({ language }) => language);
  const faults = findMixedFaults({ result, languages, kills, reroutes, signalOf: (pid) => processes.signalOf(pid) });
  return {
    ok: faults.length === 0,
    run: { id: result.runId, status: result.status, durationMs: result.durationMs },
    languages: languages.map((language) => {
      const kill = kills.get(countStep(language));
      const { agent = '', instance = '', pid = 0, step = '', attempt = 0 } = kill ?? {};
      return {
        language,
        killed: kill === undefined ? null : { agent, instance, pid, step, attempt },
        rerouted: reroutes.get(countStep(language)) ?? null,
      };
    }),
    steps: result.steps.filter((step) => step.kind === 'AGENT').map(toDemoStep),
    ...(faults.length === 0 ? {} : { faults }),
  };
}

function printSummary(
  { fleet }: MixedStage,
  lines: Lines,
  result: WorkflowResult,
  { kills }: MixedFollower,
  { faults = [], languages }: LanguagesResult,
): void {
  lines.text(`${result.status} ${formatSeconds(result.durationMs)}`);
  lines.text('');
  const startedAt = result.startTime?.getTime() ?? 0;
  const { steps, durationMs } = result;
  printTimeline(lines, { steps, startedAt, durationMs, fleet, killed: [...kills.values()] });
  lines.text('');
  const moved = languages.filter(({ rerouted }) => rerouted !== null).map(({ language }) => language);
  lines.text(`${languages.length} languages; an agent of each was killed, and its step moved: ${moved.join(', ')}`);
  lines.text(`output: ${JSON.stringify(result.output)}`);
  lines.text('');
  for (const fault of faults) lines.say({ mark: 'x', subject: fault });
}
