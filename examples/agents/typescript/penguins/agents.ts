/** The agents of MLPipeline. */
import { readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Agent, type AgentOptions } from 'yardmaster/agent-sdk';
import { z } from 'zod';
import { deploy, evaluate, prepare, select, train } from './capabilities.ts';
import { scoreModel, trainModel } from './model.ts';
import { prepareSamples, Row } from './penguin.ts';

export interface PenguinSettings {
  /** A JSON file of rows. */
  readonly data: string;
  /** Folder of the model that is in use. */
  readonly models: string;
}

/** Not started. Three trainers are replicas of one agent, so that three models are trained at once. */
export function createPenguinAgents(
  settings: PenguinSettings,
  options: Omit<AgentOptions, 'id'> = {},
): readonly Agent[] {
  const agent = (id: string): Agent => new Agent({ id, ...options });
  const trainers = Array.from({ length: 3 }, () =>
    agent('ml-trainer').handle(train, ({ algorithm, samples }) => trainModel(algorithm, samples)),
  );
  return [
    agent('data-preparer').handle(prepare, async ({ features }) => {
      const rows = z.array(Row).parse(JSON.parse(await readFile(settings.data, 'utf8')));
      return prepareSamples(rows, features);
    }),
    ...trainers,
    agent('model-evaluator').handle(evaluate, ({ models, samples }) => ({
      scored: Object.values(models).map((model) => ({ model, score: scoreModel(model, samples) })),
    })),
    agent('model-selector').handle(select, ({ scored }) =>
      scored.reduce((best, other) => (other.score > best.score ? other : best)),
    ),
    agent('model-deployer').handle(deploy, async (scored, ctx) => {
      const path = join(settings.models, 'model.json');
      const draft = join(settings.models, `${ctx.attempt.runId}-${ctx.attempt.number}.tmp`);
      await writeFile(draft, JSON.stringify(scored));
      await rename(draft, path);
      return { path };
    }),
  ];
}
