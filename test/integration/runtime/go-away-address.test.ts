/** Two control planes on real ports: what one that stops says about the other, and how an agent moves. */
import { afterEach, expect, test } from 'vitest';
import { Agent, type SessionPhase } from '../../../src/agent-sdk/index.ts';
import { type Server, type ServerOptions, startServer } from '../../../src/control-plane/main.ts';

const servers: Server[] = [];
let agent: Agent | undefined;

afterEach(async () => {
  await agent?.stop({ graceMs: 0 });
  await Promise.all(servers.splice(0).map((server) => server.stop()));
});

async function serve(options: Partial<ServerOptions> = {}): Promise<Server> {
  const server = await startServer({ port: 0, store: { kind: 'memory' }, ...options });
  servers.push(server);
  return server;
}

/** An agent at `url`, and each phase of its session as a word, with the node of a CONNECTED. */
async function connect(url: string): Promise<{ readonly phases: string[]; connected(node: string): Promise<void> }> {
  const phases: string[] = [];
  let onConnected: (node: string) => void = () => {};
  const onStateChange = (phase: SessionPhase): void => {
    phases.push(phase.state === 'CONNECTED' ? `CONNECTED ${phase.node}` : phase.state);
    if (phase.state === 'CONNECTED') onConnected(phase.node);
  };
  agent = new Agent({ id: 'worker', url, slots: 1, inline: true, onStateChange }).handle('echo', (input) => input);
  await agent.start();
  const connected = (node: string): Promise<void> =>
    new Promise((resolve) => {
      if (phases.at(-1) === `CONNECTED ${node}`) resolve();
      onConnected = (name) => void (name === node && resolve());
    });
  return { phases, connected };
}

test('a control plane that stops sends its agents on, and they are there before they have left', async () => {
  const next = await serve();
  const old = await serve({ goAwayAddresses: [`127.0.0.1:${next.port}`] });
  const { phases } = await connect(old.url);
  await old.stop();
  const [from, to] = [old.controlPlane.node, next.controlPlane.node];
  expect(phases).toEqual(['CONNECTING', `CONNECTED ${from}`, 'MOVING', 'CONNECTING', `CONNECTED ${to}`]);
  expect(next.controlPlane.listAgents('default')).toMatchObject([{ agentId: 'worker', status: 'READY' }]);
});

test('an agent that finds nobody at the address comes back to its own', async () => {
  const gone = await serve();
  await gone.stop();
  const own = await serve({ goAwayAddresses: [`127.0.0.1:${gone.port}`], stopGraceMs: 500 });
  const { phases, connected } = await connect(own.url);
  await own.stop();
  const again = await serve({ port: own.port });
  await connected(again.controlPlane.node);
  expect(phases.slice(0, 3)).toEqual(['CONNECTING', `CONNECTED ${own.controlPlane.node}`, 'MOVING']);
  expect(again.controlPlane.listAgents('default')).toMatchObject([{ agentId: 'worker', status: 'READY' }]);
});
