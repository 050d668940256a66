/** An agent that answers with its input, as fast as it can. Arguments: url, slots. */
import { Agent } from 'yardmaster/agent-sdk';

const [url = '', slots = '1'] = process.argv.slice(2);
const agent = new Agent({ id: 'echo', slots: Number(slots), url });
agent.handle('echo', (input) => input);
await agent.start();
process.send?.({ pid: process.pid });
process.on('disconnect', () => process.exit(0));
