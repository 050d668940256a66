/** What the agents of MLPipeline offer. */
import { capability } from 'yardmaster/agent-sdk';
import { z } from 'zod';
import { Model } from './model.ts';
import { Sample, Samples } from './penguin.ts';

export const prepare = capability('prepare-samples', {
  description: 'Complete rows of the data on one scale, divided into training and test',
  input: z.object({ features: z.array(z.string()).min(1) }),
  output: Samples,
  idempotent: true,
});

export const train = capability('train-model', {
  description: 'One model by one algorithm',
  input: z.object({ algorithm: z.enum(['majority', 'centroids', 'neighbours']), samples: z.array(Sample).min(1) }),
  output: Model,
  idempotent: true,
});

const Scored = z.object({ model: Model, score: z.number() });

export const evaluate = capability('evaluate-models', {
  description: 'The share of right guesses of each model',
  input: z.object({ models: z.record(z.string(), Model), samples: z.array(Sample).min(1) }),
  output: z.object({ scored: z.array(Scored) }),
  idempotent: true,
});

export const select = capability('select-model', {
  description: 'The best of them',
  input: z.object({ scored: z.array(Scored).min(1) }),
  output: Scored,
  idempotent: true,
});

export const deploy = capability('deploy-model', {
  description: 'Puts a model where it is used, in one move',
  input: Scored,
  output: z.object({ path: z.string() }),
  idempotent: true,
});
