/** Where a command writes and what it may ask of the screen. Tests pass their own. */
export interface Terminal {
  /** Data. */
  out(text: string): void;
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
};
