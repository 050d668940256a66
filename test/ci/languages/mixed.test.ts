/** Agents of all languages together on one control plane. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { root } from '../../docs/shell.ts';
import { digestStep, instancesOf, LONG_DIGESTS } from './digests.ts';
import { LANGUAGES } from './languages.ts';
import { Mesh, type Running } from './mesh.ts';

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
