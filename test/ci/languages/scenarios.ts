/** What every example agent is put through: a real control plane that kills it and tells it to leave, and the conformance kit. */
import { hash } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import type { RunEvent } from '../../../src/client/index.ts';
import { testConformance } from './conformance.ts';
import { digestStep, instancesOf, LONG_DIGESTS } from './digests.ts';
import type { Language } from './languages.ts';
import { Mesh, type Running } from './mesh.ts';

export function testAgent(language: Language): void {
  describe(`the agent in ${language}`, () => testScenarios(language));
  testConformance(language);
}

function testScenarios(language: Language): void {
  test('echoes, digests, counts and fails as it is told', async () => {
    await using mesh = await Mesh.start();
    await mesh.agent(language);
    const given = { text: 'Größe "1"\n', list: [1, 2.5, null, true, {}], large: 'ä'.repeat(200_000) };
    const { result, events, history, written } = await mesh.play({
      name: 'Four',
      steps: [
        { id: 'echo', action: 'echo', parameters: given },
        { id: 'digest', action: 'digest', parameters: { text: 'Größe', rounds: 1_000 } },
        { id: 'count', action: 'count', parameters: { to: 3, delayMs: 20 } },
        {
          id: 'fail',
          action: 'fail',
          parameters: { code: 'FLAKY', message: 'told to', times: 1, retryAfterMs: 10, details: { a: [1] } },
          retry: { tries: 2 },
        },
        {
          id: 'end',
          action: 'fail',
          parameters: { code: 'FINAL', message: 'told to', retryable: false },
          retry: { tries: 3 },
          onFailure: 'continue',
        },
        { id: 'invalid', action: 'count', parameters: { to: 'many', delayMs: 0 }, onFailure: 'continue' },
      ],
      output: {
        echo: '${{ steps.echo.output }}',
        sha256: '${{ steps.digest.output.sha256 }}',
        counted: '${{ steps.count.output.counted }}',
        tries: '${{ steps.fail.output.tries }}',
      },
    });
    expect(result.error).toBeUndefined();
    expect(result.output).toEqual({ echo: given, sha256: digest('Größe', 1_000), counted: 3, tries: 2 });
    expect(history).toEqual([
      'start echo#1',
      'end echo#1 COMPLETED',
      'start digest#1',
      'end digest#1 COMPLETED',
      'start count#1',
      'end count#1 COMPLETED',
      'start fail#1',
      'end fail#1 FAILED',
      'start fail#2',
      'end fail#2 COMPLETED',
      'start end#1',
      'end end#1 FAILED',
      'start invalid#1',
      expect.stringMatching(/^end invalid#1 (FAILED|REJECTED)$/),
    ]);
    expect(await written('count', 'out')).toBe('1\n2\n3\n');
    const failed = events.filter((event) => event.type === 'attemptEnded' && event.outcome === 'FAILED');
    expect(failed[0]?.error).toMatchObject({ code: 'FLAKY', message: 'told to', details: { a: [1] } });
    expect(failed[1]?.error).toMatchObject({ code: 'FINAL', message: 'told to' });
  });

  test('another instance takes an idempotent step at once when it is killed', async () => {
    await using mesh = await Mesh.start();
    const agents = [await mesh.agent(language), await mesh.agent(language)];
    const { result, events, history } = await mesh.play(
      { name: 'Digest', steps: [digestStep('work', language)], output: '${{ steps.work.output.sha256 }}' },
      killFirst(agents),
    );
    expect(result.output).toBe(LONG_DIGESTS[language][1]);
    expect(history).toEqual(['start work#1', 'start work#2', 'end work#2 COMPLETED', 'end work#1 LOST']);
    expect(new Set(instancesOf(events)).size).toBe(2);
  });

  test('another instance goes on from the checkpoint after the loss window when it is killed', async () => {
    await using mesh = await Mesh.start();
    const agents = [await mesh.agent(language), await mesh.agent(language)];
    const { result, events, history } = await mesh.play(countOf(100, 50), killFirst(agents, 'checkpointStored'));
    expect(result.output).toEqual({ counted: 100 });
    expect(history).toEqual(['start work#1', 'end work#1 LOST', 'start work#2', 'end work#2 COMPLETED']);
    expect(new Set(instancesOf(events)).size).toBe(2);
    expect(events.filter((event) => event.type === 'attemptStarted').map(({ resumed }) => resumed)).toEqual([
      false,
      true,
    ]);
  });

  test('finishes what it can on SIGTERM, takes nothing new, and ends with 0', async () => {
    await using mesh = await Mesh.start();
    const agents = [await mesh.agent(language)];
    const codes: (number | null)[] = [];
    const { result, history } = await mesh.play(
      { ...countOf(20, 50), steps: [...countOf(20, 50).steps, { id: 'next', action: 'echo' }] },
      async (event) => {
        // It is at work by then; what arrives after the signal it would reject.
        if (event.type !== 'checkpointStored' || codes.length > 0) return;
        codes.push((await agents[0]?.terminate()) ?? null);
        agents.push(await mesh.agent(language));
      },
    );
    expect(codes).toEqual([0]);
    expect(result.output).toEqual({ counted: 20 });
    expect(history).toEqual(['start work#1', 'end work#1 COMPLETED', 'start next#1', 'end next#1 COMPLETED']);
  });

  test('hands back on SIGTERM what takes longer than its grace, and another instance goes on from there', async () => {
    await using mesh = await Mesh.start();
    const agents = [await mesh.agent(language, { YARDMASTER_GRACE_MS: '100' })];
    const codes: (number | null)[] = [];
    const { result, events, history } = await mesh.play(countOf(100, 50), async (event) => {
      if (event.type !== 'checkpointStored' || codes.length > 0) return;
      codes.push((await agents[0]?.terminate()) ?? null);
      agents.push(await mesh.agent(language));
    });
    expect(codes).toEqual([0]);
    expect(result.output).toEqual({ counted: 100 });
    expect(history).toEqual(['start work#1', 'end work#1 HANDED_BACK', 'start work#2', 'end work#2 COMPLETED']);
    expect(instancesOf(events)).toEqual(agents.map(({ instanceId }) => instanceId));
  });

  test('a setting that cannot be read ends it with 2 before it dials', async () => {
    await using mesh = await Mesh.start();
    expect(await mesh.refused(language, { YARDMASTER_SLOTS: 'many' })).toBe(2);
  });
}

function countOf(to: number, delayMs: number) {
  return {
    name: 'Count',
    steps: [{ id: 'work', action: 'count', parameters: { to, delayMs } }],
    output: { counted: '${{ steps.work.output.counted }}' },
  };
}

/** Kills the instance that has the first attempt, when that event comes first. */
function killFirst(agents: readonly Running[], type: RunEvent['type'] = 'attemptStarted') {
  let instance: string | undefined;
  let isKilled = false;
  return async (event: RunEvent): Promise<void> => {
    if (event.type === 'attemptStarted') instance ??= event.instance;
    if (event.type !== type || isKilled) return;
    isKilled = true;
    await agents.find(({ instanceId }) => instanceId === instance)?.kill();
  };
}

function digest(text: string, rounds: number): string {
  let sum = hash('sha256', text, 'buffer');
  for (let i = 1; i < rounds; i++) sum = hash('sha256', sum, 'buffer');
  return sum.toString('hex');
}
