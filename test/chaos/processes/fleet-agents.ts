/** Many instances in one process, each on a connection of its own. Arguments: url, a name for them, how many. */
import { Agent } from '../../../src/agent-sdk/index.ts';

const [url = '', name = '', count = '1'] = process.argv.slice(2);
const WAVE = 50;
for (let started = 0; started < Number(count); started += WAVE) {
  const wave = Array.from({ length: Math.min(WAVE, Number(count) - started) }, (_, i) => {
    const agent = new Agent({ id: `${name}-${started + i}`, slots: 1, url, inline: true });
    agent.handle('idle', () => null);
    return agent.start({ timeoutMs: 300_000 });
  });
  await Promise.all(wave);
}
process.on('disconnect', () => process.exit(0));
process.send?.({ pid: process.pid });
