/** One command line in this process, with what it wrote. */
import { runCli } from '../../../src/cli/program.ts';
import type { Terminal } from '../../../src/cli/terminal.ts';
import type { Orchestrator } from '../../../src/client/index.ts';

export interface Ran {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

export interface Setting {
  readonly env?: Readonly<Record<string, string>>;
  readonly isTty?: boolean;
  /** Ctrl-C as soon as anything waits. */
  readonly interrupt?: boolean;
  readonly now?: () => number;
  /** What the person types who is asked; absent: nobody is there. */
  readonly answer?: string;
  readonly connect?: (url: string) => Orchestrator;
}

export async function runCommand(args: readonly string[], setting: Setting = {}): Promise<Ran> {
  const written = { out: '', err: '' };
  const isTty = setting.isTty === true;
  const terminal: Terminal = {
    out: (text) => {
      written.out += text;
    },
    err: (text) => {
      written.err += text;
    },
    outIsTty: isTty,
    errIsTty: isTty,
    size: () => ({ columns: 80, rows: 24 }),
    env: setting.env ?? {},
    now: setting.now ?? (() => Date.now()),
    onInterrupt: (fn) => {
      if (setting.interrupt === true) setImmediate(fn);
      return () => undefined;
    },
    ask:
      setting.answer === undefined
        ? undefined
        : async (question) => {
            written.err += question;
            return setting.answer ?? '';
          },
  };
  const { connect } = setting;
  const code = await runCli(args, { terminal, version: '0.0.0', ...(connect === undefined ? {} : { connect }) });
  return { code, ...written };
}
