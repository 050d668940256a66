/** Runs the tools of this repository: its own binaries first, its own Node, output kept or shown. */
import { spawnSync } from 'node:child_process';
import { delimiter, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = fileURLToPath(new URL('..', import.meta.url));

export interface CommandResult {
  readonly status: number;
  /** stdout and stderr, in that order. Empty when they were shown instead. */
  readonly output: string;
  readonly stdout: Buffer;
}

export interface CommandOptions {
  readonly input?: Uint8Array;
  /** Shows the output as it comes; default false: it is kept. */
  readonly show?: boolean;
  /** Default: the repository. */
  readonly cwd?: string;
}

const OUTPUT_BYTES_MAX = 64 * 1024 * 1024;

export function runCommand(command: string, args: readonly string[], options: CommandOptions = {}): CommandResult {
  const bin = join(root, 'node_modules', '.bin');
  const result = spawnSync(command, args, {
    cwd: options.cwd ?? root,
    env: { ...process.env, PATH: [bin, dirname(process.execPath), process.env.PATH ?? ''].join(delimiter) },
    input: options.input,
    maxBuffer: OUTPUT_BYTES_MAX,
    stdio: options.show ? 'inherit' : 'pipe',
  });
  if (result.error) throw result.error;
  const stdout = result.stdout ?? Buffer.alloc(0);
  return { status: result.status ?? 1, output: `${stdout}${result.stderr ?? ''}`, stdout };
}

/** Throws with the tool's own words when it fails. */
export function mustRun(command: string, args: readonly string[], options: CommandOptions = {}): CommandResult {
  const result = runCommand(command, args, options);
  if (result.status !== 0)
    throw new Error(`${command} ${args.join(' ')} ended with ${result.status}\n${result.output}`);
  return result;
}
