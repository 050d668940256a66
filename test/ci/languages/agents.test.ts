/** The example agents of other languages against a real control plane, killed and told to leave on the way. */
import { hash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import type { RunEvent } from '../../../src/client/index.ts';
import { root } from '../../docs/shell.ts';
import { build, LANGUAGES, type Language } from './languages.ts';
import { Mesh, type Running } from './mesh.ts';
// Their tests are of this file, too, so that nobody builds an agent that another one starts.
import './conformance.ts';
import './demo.ts';
import './from-the-page.ts';

beforeAll(() => {
  for (const language of LANGUAGES) build(language);
});

test('all languages say the same of their capabilities', () => {
  const stated = LANGUAGES.map((language) => {
    const sources = join(root, 'examples/agents', language);
    const file = readdirSync(sources, { recursive: true, encoding: 'utf8' }).find((name) =>
      name.endsWith('capabilities.json'),
    );
    return readFileSync(join(sources, file ?? 'capabilities.json'), 'utf8');
  });
  expect(new Set(stated).size).toBe(1);
});

describe.each(LANGUAGES)('the agent in %s', (language) => {
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
});

test('a workflow on agents of all languages completes although one of each is killed at its work', async () => {
  await using mesh = await Mesh.start();
  const agents: Running[] = [];
  for (const language of LANGUAGES) agents.push(await mesh.agent(language), await mesh.agent(language));
  const { result, events, history } = await mesh.play(
    {
      name: 'Mixed',
      steps: LANGUAGES.map((language) => digestStep(language, language)),
      output: Object.fromEntries(LANGUAGES.map((id) => [id, `\${{ steps.${id}.output.sha256 }}`])),
    },
    async (event) => {
      if (event.type !== 'attemptStarted' || event.attempt !== 1) return;
      await agents.find(({ instanceId }) => instanceId === event.instance)?.kill();
    },
  );
  expect(result.output).toEqual(Object.fromEntries(LANGUAGES.map((id) => [id, LONG_DIGESTS[id][1]])));
  expect(history).toEqual(
    LANGUAGES.flatMap((id) => [`start ${id}#1`, `start ${id}#2`, `end ${id}#2 COMPLETED`, `end ${id}#1 LOST`]),
  );
  expect(new Set(instancesOf(events)).size).toBe(2 * LANGUAGES.length);
});

/** So many rounds take longer than a kill does; the digests of "yardmaster" after them were computed by another program. */
const LONG_DIGESTS: Readonly<Record<Language, readonly [rounds: number, sha256: string]>> = {
  python: [500_000, '51945506d2cadb6b4c7e9cb87cab3e938ced920f0be943e428799df09efb39bf'],
  go: [3_000_000, '1ecc40d609cc0e666e905ed507d70742bb92cebe486f8da4a69d05f8054ddb20'],
  java: [3_000_000, '1ecc40d609cc0e666e905ed507d70742bb92cebe486f8da4a69d05f8054ddb20'],
  rust: [3_000_000, '1ecc40d609cc0e666e905ed507d70742bb92cebe486f8da4a69d05f8054ddb20'],
};

function digestStep(id: string, language: Language) {
  const [rounds] = LONG_DIGESTS[language];
  return { id, action: 'digest', agentId: `example-${language}`, parameters: { text: 'yardmaster', rounds } };
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

function instancesOf(events: readonly RunEvent[]): readonly (string | undefined)[] {
  return events.filter((event) => event.type === 'attemptStarted').map(({ instance }) => instance);
}

function digest(text: string, rounds: number): string {
  let sum = hash('sha256', text, 'buffer');
  for (let i = 1; i < rounds; i++) sum = hash('sha256', sum, 'buffer');
  return sum.toString('hex');
}
