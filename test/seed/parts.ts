/** Names that the seed document uses and does not define. */
import type { TestMesh } from 'yardmaster/testing';

/** The seed's `Logger`. */
export interface Logger {
  error(message: string, fields: Readonly<Record<string, unknown>>): void;
}

/** The seed's `MetricsCollector`. */
export interface MetricsCollector {
  incrementCounter(name: string, labels: Readonly<Record<string, string>>): void;
  recordHistogram(name: string, value: number, labels: Readonly<Record<string, string>>): void;
}

export class MemoryLogger implements Logger {
  readonly lines: { readonly message: string; readonly fields: Readonly<Record<string, unknown>> }[] = [];

  error(message: string, fields: Readonly<Record<string, unknown>>): void {
    this.lines.push({ message, fields });
  }
}

/** Every increment and every value, in order: `name label=value ...`. */
export class MemoryMetrics implements MetricsCollector {
  readonly counted: string[] = [];
  readonly recorded: { readonly series: string; readonly value: number }[] = [];

  incrementCounter(name: string, labels: Readonly<Record<string, string>>): void {
    this.counted.push(seriesOf(name, labels));
  }

  recordHistogram(name: string, value: number, labels: Readonly<Record<string, string>>): void {
    this.recorded.push({ series: seriesOf(name, labels), value });
  }
}

function seriesOf(name: string, labels: Readonly<Record<string, string>>): string {
  return [name, ...Object.entries(labels).map(([key, value]) => `${key}=${value}`)].join(' ');
}

/** Waits for a call, with what it needs to happen at this time; virtual time does not move. */
export async function drive<T>(mesh: TestMesh, call: Promise<T>): Promise<T> {
  const ended = call.then(
    () => true,
    () => true,
  );
  while (!(await Promise.race([ended, mesh.settle().then(() => false)])));
  return call;
}
