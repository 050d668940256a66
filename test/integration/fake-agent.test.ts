/** The scripted agent on a whole control plane in this process. */
import { expect, test } from 'vitest';
import { Orchestrator, WorkflowBuilder } from 'yardmaster';
import { createFakeAgent, readScript } from '../../src/fake-agent/index.ts';

const SCRIPT = `
slots: 2
capabilities:
  extract:
    answers:
      - { fail: { code: UPSTREAM_DOWN, retryable: true } }
      - { after: 20ms, progress: 2, flood: 50, reply: { rows: 3 } }
  load:
    idempotent: true
    answers:
      - { cut: 50ms, after: 10ms, reply: loaded }
`;

test('a scripted agent fails, replies, floods and loses its connection as it is told, and each step is done once', async () => {
  await using mesh = new Orchestrator();
  const lines: string[] = [];
  const script = readScript(SCRIPT, 'script.yaml');
  const crash = (): void => expect.unreachable();
  const { agent } = createFakeAgent({ script, url: await mesh.url(), crash, tell: (line) => lines.push(line) });
  await agent.start();
  const workflow = new WorkflowBuilder('Faked')
    .step('extract', { action: 'extract', retry: { tries: 2, backoff: 1 } })
    .step('load', { action: 'load' })
    .build();
  await mesh.registerWorkflow(workflow);
  const run = await mesh.startWorkflow(workflow);
  const history: string[] = [];
  for await (const event of run.events()) {
    if (event.type === 'attemptEnded') history.push(`${event.step}#${event.attempt} ${event.outcome}`);
    else if (event.type.startsWith('attempt')) history.push(event.type);
  }
  const { status } = await run.result();
  await agent.stop();
  expect(status).toBe('COMPLETED');
  expect(lines.map((line) => line.replace(/ \w{4}\//, ' '))).toEqual([
    'extract extract#1: fails with UPSTREAM_DOWN',
    'extract extract#2: after 20 ms, replies',
    'load load#1: after 10 ms, cut for 50 ms, replies',
  ]);
  expect(history).toEqual([
    'attemptStarted',
    'extract#1 FAILED',
    'attemptStarted',
    'extract#2 COMPLETED',
    'attemptStarted',
    'attemptUnreachable',
    'attemptReturned',
    'load#1 COMPLETED',
  ]);
});
