/**
 * Many instances of the example agent in TypeScript in one process, each on a connection of its own; without a worker thread for
 * each, which is how programs with many of them start them. The settings of the example are in the environment; the agent ids of the
 * instances begin with the one there. Argument: how many.
 *
 * Prints "loaded", dials when a line comes, and ends when its standard input does.
 */
import { createExampleAgent } from '../../examples/agents/typescript/example/agent.ts';

const { YARDMASTER_URL: url = '', YARDMASTER_AGENT_ID: name = '', YARDMASTER_SLOTS: slots = '1' } = process.env;
const [, , count = '1'] = process.argv;
const START_MS = 300_000;

process.stdin.once('data', () => {
  const agents = Array.from({ length: Number(count) }, (_, i) =>
    createExampleAgent({ id: `${name}-${i}`, slots: Number(slots), url, inline: true }),
  );
  void Promise.all(agents.map((agent) => agent.start({ timeoutMs: START_MS })));
});
process.stdin.once('end', () => process.exit(0));
process.stdout.write('loaded\n');
