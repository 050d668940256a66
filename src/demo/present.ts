/** What every demo does around its run: where it is told, what is printed when it is over, and how it ends. */
import { listenForSignals } from './interrupt.ts';
import { createLines, type Lines } from './lines.ts';
import { type NextOptions, printMeshCommands, printStoreCommands } from './next-commands.ts';

export interface DemoOptions {
  /** Prints one object on stdout and the lines on stderr. Default false. */
  readonly json?: boolean;
  /** Leaves the mesh up until `signal` aborts or the process is asked to end. Default false. */
  readonly keep?: boolean;
  /** For the control plane, if it is free; default 7420. */
  readonly port?: number;
  /** Default false. */
  readonly color?: boolean;
  /** Default: the process's own. */
  readonly out?: (text: string) => void;
  readonly err?: (text: string) => void;
}

export interface DemoStage {
  readonly lines: Lines;
  readonly port: number;
  /** Aborts when the process is asked to end. */
  readonly signal: AbortSignal;
  /** What is put here stays until the demo is over, which `keep` puts off. */
  readonly cleanup: AsyncDisposableStack;
}

export interface DemoEnd {
  readonly result: { readonly ok: boolean; readonly run: { readonly id: string } };
  readonly next: Omit<NextOptions, 'runId'>;
}

const DEFAULT_PORT = 7420;

/** Answers with the exit code: 0 only if all of it happened. Throws what `play` throws, unless somebody ended it. */
export async function presentDemo(
  { json = false, keep = false, port = DEFAULT_PORT, color = false, ...streams }: DemoOptions,
  play: (stage: DemoStage) => Promise<DemoEnd>,
): Promise<number> {
  const out = streams.out ?? ((text: string) => void process.stdout.write(text));
  const err = streams.err ?? ((text: string) => void process.stderr.write(text));
  const lines = createLines(json ? err : out, color);
  using interrupt = listenForSignals();
  try {
    await using cleanup = new AsyncDisposableStack();
    const { result, next } = await play({ lines, port, signal: interrupt.signal, cleanup });
    if (json) out(`${JSON.stringify(result)}\n`);
    const commands = { ...next, runId: result.run.id };
    if (keep) printMeshCommands(lines, commands);
    else printStoreCommands(lines, commands);
    if (keep) await interrupt.signalled;
    return result.ok ? 0 : 1;
  } catch (error) {
    if (interrupt.exitCode !== undefined) return interrupt.exitCode;
    throw error;
  }
}
