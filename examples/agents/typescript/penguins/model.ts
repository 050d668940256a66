/** Three ways to guess a species, from the simplest on. A model is data, so it travels between steps and into a file. */
import { z } from 'zod';
import { Sample } from './penguin.ts';

export const Model = z.discriminatedUnion('algorithm', [
  /** Always the most frequent one: what any other has to beat. */
  z.object({ algorithm: z.literal('majority'), species: z.string() }),
  /** The species whose mean is nearest. */
  z.object({ algorithm: z.literal('centroids'), centroids: z.array(Sample) }),
  /** The most frequent one among the nearest rows. */
  z.object({ algorithm: z.literal('neighbours'), count: z.int().positive(), samples: z.array(Sample) }),
]);
export type Model = z.infer<typeof Model>;
export type Algorithm = Model['algorithm'];

const NEIGHBOURS = 5;

export function trainModel(algorithm: Algorithm, samples: readonly Sample[]): Model {
  switch (algorithm) {
    case 'majority':
      return { algorithm, species: mostFrequent(samples.map(({ y }) => y)) };
    case 'centroids':
      return {
        algorithm,
        centroids: [...Map.groupBy(samples, ({ y }) => y)].map(([y, own]) => ({ x: meanOf(own), y })),
      };
    case 'neighbours':
      return { algorithm, count: NEIGHBOURS, samples: [...samples] };
  }
}

export function predict(model: Model, x: readonly number[]): string {
  switch (model.algorithm) {
    case 'majority':
      return model.species;
    case 'centroids':
      return nearest(model.centroids, x, 1)[0]?.y ?? '';
    case 'neighbours':
      return mostFrequent(nearest(model.samples, x, model.count).map(({ y }) => y));
  }
}

/** The share of right guesses, from 0 to 1. */
export function scoreModel(model: Model, samples: readonly Sample[]): number {
  return samples.filter(({ x, y }) => predict(model, x) === y).length / samples.length;
}

function nearest(samples: readonly Sample[], x: readonly number[], count: number): readonly Sample[] {
  const distance = (sample: Sample): number => sample.x.reduce((sum, value, i) => sum + (value - (x[i] ?? 0)) ** 2, 0);
  return samples
    .map((sample) => ({ sample, at: distance(sample) }))
    .sort((a, b) => a.at - b.at)
    .slice(0, count)
    .map(({ sample }) => sample);
}

function meanOf(samples: readonly Sample[]): number[] {
  const [first] = samples;
  return (first?.x ?? []).map((_, i) => samples.reduce((sum, { x }) => sum + (x[i] ?? 0), 0) / samples.length);
}

function mostFrequent(names: readonly string[]): string {
  const [first] = [...Map.groupBy(names, (name) => name)].sort(([, a], [, b]) => b.length - a.length);
  return first?.[0] ?? '';
}
