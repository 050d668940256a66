/** An agent as its own process: `node agent-process.ts URL`. */
import { Agent } from '../../src/agent-sdk/index.ts';

const agent = new Agent({ id: 'worker', url: process.argv[2] ?? '' });
agent.handle(
  'wait',
  (_input, { signal }) =>
    new Promise((_resolve, reject) => {
      signal.addEventListener('abort', () => reject(signal.reason));
    }),
);
await agent.start({ signals: true });
