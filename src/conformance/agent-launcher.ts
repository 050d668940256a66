/** How an agent is started and told to leave. The kit's own is a process; tests have agents in their own process. */
import { spawn } from 'node:child_process';

export interface AgentExit {
  readonly code: number | null;
  readonly signal: string | null;
}

export interface RunningAgent {
  /** Resolves when it has ended; never rejects. */
  readonly exited: Promise<AgentExit>;
  /** Asks it to leave, as SIGTERM does. */
  leave(): void;
  /** Ends it at once, whatever it does. */
  kill(): void;
  /** The last lines that it wrote. */
  output(): readonly string[];
}

export type AgentLauncher = (env: Readonly<Record<string, string>>) => RunningAgent;

const OUTPUT_CHARS_MAX = 4_096;
const LINES_MAX = 8;

/** Starts `command` anew for every situation, with the kit's variables beside its own. Its stdin is empty. */
export function launchProcess(command: readonly string[]): AgentLauncher {
  const [program = '', ...args] = command;
  return (env) => {
    const child = spawn(program, args, { env: { ...process.env, ...env }, stdio: ['ignore', 'pipe', 'pipe'] });
    let text = '';
    const take = (chunk: Buffer): void => {
      text = `${text}${chunk.toString('utf8')}`.slice(-OUTPUT_CHARS_MAX);
    };
    child.stdout.on('data', take);
    child.stderr.on('data', take);
    const exited = new Promise<AgentExit>((resolve) => {
      child.once('error', (error) => {
        text += `cannot start "${program}": ${error.message}`;
        resolve({ code: null, signal: null });
      });
      // Not `exit`: its last words may still be on their way then.
      child.once('close', (code, signal) => resolve({ code, signal }));
    });
    return {
      exited,
      leave: () => void child.kill('SIGTERM'),
      kill: () => void child.kill('SIGKILL'),
      output: () => text.trimEnd().split('\n').slice(-LINES_MAX),
    };
  };
}
