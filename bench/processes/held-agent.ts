/**
 * An agent whose one handler holds its attempt until it is told to let go, and says when it got it, on the clock that all
 * processes of a machine share. Arguments: url.
 */
import { Agent } from 'yardmaster/agent-sdk';

const [url = ''] = process.argv.slice(2);
const agent = new Agent({ id: 'holder', slots: 1, url });
let letGo: () => void = () => undefined;

agent.handle(
  'hold',
  async () => {
    process.send?.({ receivedNs: process.hrtime.bigint().toString() });
    await new Promise<void>((resolve) => {
      letGo = resolve;
    });
    return null;
  },
  { idempotent: true },
);
process.on('message', (message) => {
  if (message === 'letGo') letGo();
});
await agent.start();
process.send?.({ pid: process.pid });
process.on('disconnect', () => process.exit(0));
