/** Rows about penguins to numbers that a model can learn from: pure functions. */
import { z } from 'zod';

/** As the file has them: measures may be missing. */
export const Row = z.record(z.string(), z.unknown());
export type Row = z.infer<typeof Row>;

/** Measures on one scale, and the species. */
export const Sample = z.object({ x: z.array(z.number()), y: z.string() });
export type Sample = z.infer<typeof Sample>;

export const Samples = z.object({ train: z.array(Sample), test: z.array(Sample) });
export type Samples = z.infer<typeof Samples>;

/** One in so many rows is for the test. */
const TEST_EVERY = 4;

/** Complete rows only; the scale is that of the training rows, because the others must not be known yet. */
export function prepareSamples(rows: readonly Row[], features: readonly string[]): Samples {
  const whole = rows.flatMap((row) => readSample(row, features) ?? []);
  const train = whole.filter((_, i) => i % TEST_EVERY !== 0);
  const test = whole.filter((_, i) => i % TEST_EVERY === 0);
  const scales = features.map((_, i) => scaleOf(train.map(({ x }) => x[i] ?? 0)));
  const rescale = ({ x, y }: Sample): Sample => ({
    x: x.map((value, i) => (value - (scales[i]?.mean ?? 0)) / (scales[i]?.deviation ?? 1)),
    y,
  });
  return { train: train.map(rescale), test: test.map(rescale) };
}

function readSample(row: Row, features: readonly string[]): Sample | undefined {
  const x = features.map((feature) => row[feature]);
  const { Species: y } = row;
  return x.every((value) => typeof value === 'number') && typeof y === 'string' ? { x, y } : undefined;
}

function scaleOf(values: readonly number[]): { readonly mean: number; readonly deviation: number } {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  const variance = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length;
  return { mean, deviation: Math.sqrt(variance) || 1 };
}
