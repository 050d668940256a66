/** What an instance offers: refused one by one, withdrawn and offered again while it runs. */

import { expect, test } from 'vitest';
import { z } from 'zod';
import { Agent, type AgentOptions, type SessionPhase } from '../../../src/agent-sdk/index.ts';
import { renderAgent } from '../../../src/cli/render/details.ts';
import { plainStyle } from '../../../src/cli/render/style.ts';
import { capability } from '../../../src/core/capability.ts';
import { TestMesh } from '../../../src/testing/index.ts';
import { flow, step } from '../../unit/engine/flow.ts';

const good = capability('good', { version: '1.0.0', input: z.unknown(), output: z.unknown() });
const bad = capability('bad', { input: z.object({ to: z.string().meta({ minLength: -1 }) }), output: z.unknown() });
const REASON = 'input_schema: "properties.to.minLength" must be a whole number from 0';

function agentIn(mesh: TestMesh, more: Partial<AgentOptions> = {}): Agent {
  const { random, createClock, createLinks } = mesh.world;
  return new Agent({
    id: 'real',
    slots: 2,
    clock: createClock('process'),
    random,
    links: createLinks('real'),
    ...more,
  });
}

async function start(mesh: TestMesh, agent: Agent): Promise<void> {
  const started = agent.start();
  await mesh.settle();
  await started;
}

async function stop(mesh: TestMesh, agent: Agent): Promise<void> {
  const stopped = agent.stop({ graceMs: 0 });
  await mesh.settle();
  await stopped;
}

test('a bad schema refuses its capability alone: the agent is told, logs it, and works with the others', async () => {
  await using mesh = await TestMesh.start();
  const phases: SessionPhase[] = [];
  const logged: string[] = [];
  const log = (message: string, fields: Readonly<Record<string, unknown>>): void => {
    logged.push(`${message} ${JSON.stringify(fields)}`);
  };
  const logger = { info: () => undefined, warn: () => undefined, error: log };
  const agent = agentIn(mesh, { onStateChange: (phase) => phases.push(phase), logger });
  agent.handle(good, () => 'done').handle(bad, () => 'never');
  await start(mesh, agent);
  expect(phases.at(-1)).toEqual({ state: 'REFUSED', capabilities: [{ name: 'bad', version: '', reason: REASON }] });
  expect(logged).toEqual([`capability refused: ${REASON} {"capability":"bad","version":""}`]);
  const done = await mesh.startWorkflow(flow([step('good')]));
  expect(done).toHaveHistory(['good#1 COMPLETED']);
  const waiting = await mesh.startWorkflow(flow([step('bad')]));
  await mesh.advance('10s');
  expect(waiting).toHaveHistory([]);
  const shown = await mesh.orchestrator.fetchAgent('real');
  expect(shown.instances.map(({ capabilities }) => capabilities.map(({ name }) => name))).toEqual([['good']]);
  const options = { nowMs: mesh.clock.now(), style: plainStyle, utc: true, wide: false };
  expect(renderAgent(shown, options)).toContain(`offers bad, which is refused: ${REASON}`);
  expect(shown.events.map(({ kind }) => kind)).toEqual(['CONNECTED', 'REFUSED']);
  await stop(mesh, agent);
});

test('a capability that is withdrawn gets no new work, what runs of it finishes, and it can be offered again', async () => {
  await using mesh = await TestMesh.start();
  const agent = agentIn(mesh);
  const handler = async (_: unknown, ctx: { readonly signal: AbortSignal }) => {
    await mesh.sleep('10s', ctx.signal);
    return 'done';
  };
  agent.handle('a', handler).handle('b', () => 'b');
  await start(mesh, agent);
  const running = await mesh.startWorkflow(flow([step('a')]));
  agent.withdraw('a').withdraw('nothing');
  await mesh.settle();
  const later = await mesh.startWorkflow(flow([step('a')]));
  await mesh.advance('15s');
  expect(running).toHaveHistory(['a#1 COMPLETED']);
  expect(later).toHaveHistory([]);
  expect(mesh.controlPlane.health('capability/a')).toBeUndefined();
  expect(mesh.controlPlane.health('capability/b')).toBe(true);
  agent.handle('a', handler);
  await mesh.advance('15s');
  expect(later).toHaveHistory(['a#1 COMPLETED']);
  await stop(mesh, agent);
});
