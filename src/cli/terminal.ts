import { createInterface } from 'node:readline/promises';

/** Where a command writes and what it may ask of the screen. Tests pass their own. */
export interface Terminal {
  /** Data. */
  out(text: string | Uint8Array): void;
  /** Talk. */
  err(text: string): void;
  readonly outIsTty: boolean;
  readonly errIsTty: boolean;
  /** Of the screen now; 80 and 24 where there is none. */
  size(): { readonly columns: number; readonly rows: number };
  readonly env: Readonly<Record<string, string | undefined>>;
  now(): number;
  /** Calls `fn` on Ctrl-C, instead of ending the process. The answer stops it. */
  onInterrupt(fn: () => void): () => void;
  /** One line from whoever looks on. Undefined: nobody can answer. */
  readonly ask: ((question: string) => Promise<string>) | undefined;
}

const COLUMNS = 80;
const ROWS = 24;

export const processTerminal: Terminal = {
  out: (text) => {
    process.stdout.write(text);
  },
  err: (text) => {
    process.stderr.write(text);
  },
  outIsTty: process.stdout.isTTY === true,
  errIsTty: process.stderr.isTTY === true,
  size: () => ({
    columns: process.stderr.columns ?? process.stdout.columns ?? COLUMNS,
    rows: process.stderr.rows ?? process.stdout.rows ?? ROWS,
  }),
  env: process.env,
  now: () => Date.now(),
  onInterrupt: (fn) => {
    process.once('SIGINT', fn);
    return () => {
      process.off('SIGINT', fn);
    };
  },
  ask: process.stdin.isTTY === true && process.stderr.isTTY === true ? askOnStderr : undefined,
};

/** An input that ends is an empty line. */
async function askOnStderr(question: string): Promise<string> {
  const lines = createInterface({ input: process.stdin, output: process.stderr });
  const closed = new Promise<string>((resolve) => lines.once('close', () => resolve('')));
  try {
    return await Promise.race([lines.question(question), closed]);
  } finally {
    lines.close();
  }
}
