/** What a command has at hand: the client, the terminal, the form of its answer. It owns the client and closes it. */
import { DEFAULT_URL, type MeshApi, Orchestrator } from '../client/index.ts';
import type { Format, GlobalOptions, ProgressMode } from './options.ts';
import type { ListOptions } from './render/lists.ts';
import { colourStyle, plainStyle, type Style } from './render/style.ts';
import type { Terminal } from './terminal.ts';

export interface Context {
  readonly terminal: Terminal;
  readonly options: GlobalOptions;
  readonly url: string;
  readonly format: Format;
  /** For what goes to stdout. */
  readonly style: Style;
  /** For what goes to stderr. */
  readonly errStyle: Style;
  readonly progress: Exclude<ProgressMode, 'auto'>;
  /** Texts that were read, by name: problems point into them. */
  readonly texts: Map<string, string>;
  /** Aborts when `--timeout` has passed. */
  readonly signal: AbortSignal | undefined;
  mesh(): Orchestrator;
  /** The client made by `mesh()`, if it was. */
  api(): MeshApi;
  close(): Promise<void>;
}

/** Tests pass their own `connect`. */
export type Connect = (url: string) => Orchestrator;

export function createContext(
  terminal: Terminal,
  options: GlobalOptions,
  connect: Connect = (url) => new Orchestrator({ url }),
): Context {
  const url = options.url ?? terminal.env.YARDMASTER_URL ?? DEFAULT_URL;
  let mesh: Orchestrator | undefined;
  const open = (): Orchestrator => {
    mesh ??= connect(url);
    return mesh;
  };
  return {
    terminal,
    options,
    url,
    format: options.json === true ? 'json' : (options.output ?? 'table'),
    style: styleFor(terminal, options, terminal.outIsTty),
    errStyle: styleFor(terminal, options, terminal.errIsTty),
    progress: progressOf(terminal, options),
    texts: new Map(),
    signal: options.timeout === undefined ? undefined : AbortSignal.timeout(options.timeout),
    mesh: open,
    api: () => open().api,
    async close() {
      await mesh?.close();
    },
  };
}

/** https://no-color.org: any text in NO_COLOR, unless the user says otherwise on the command line. */
function styleFor({ env }: Terminal, { color = 'auto' }: GlobalOptions, isTty: boolean): Style {
  if (color === 'always') return colourStyle;
  if (color === 'never' || (env.NO_COLOR ?? '') !== '' || env.TERM === 'dumb' || !isTty) return plainStyle;
  return colourStyle;
}

/** Motion only where a person looks on: both streams are a terminal, and it can move its cursor. */
function progressOf({ env, outIsTty, errIsTty }: Terminal, options: GlobalOptions): Exclude<ProgressMode, 'auto'> {
  const { progress = 'auto', quiet } = options;
  if (progress !== 'auto') return progress;
  if (quiet === true) return 'none';
  const canMove = outIsTty && errIsTty && env.TERM !== 'dumb' && (env.CI ?? '') === '';
  return canMove ? 'tty' : 'plain';
}

export function listOptions(context: Context): ListOptions {
  const { format, style, terminal, options } = context;
  return { wide: format === 'wide', style, nowMs: terminal.now(), utc: options.utc === true };
}

/** Talk: to stderr, unless `--quiet`. */
export function say(context: Context, text: string): void {
  if (context.options.quiet !== true) context.terminal.err(`${text}\n`);
}
