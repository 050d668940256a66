/** Many instances in one process, each on a connection of its own. Arguments: url, count. */
import { Agent } from 'yardmaster/agent-sdk';

const [url = '', count = '1'] = process.argv.slice(2);
const WAVE = 50;
for (let started = 0; started < Number(count); started += WAVE) {
  const wave = Array.from({ length: Math.min(WAVE, Number(count) - started) }, (_, i) => {
    const agent = new Agent({ id: `idle-${started + i}`, slots: 1, url, inline: true });
    agent.handle('idle', () => null);
    return agent.start();
  });
  await Promise.all(wave);
}
process.send?.({ pid: process.pid });
process.on('disconnect', () => process.exit(0));
