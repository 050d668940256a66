/** The command line: which commands there are, what all have in common, and what becomes of what they throw. */
import { Command, CommanderError, Option } from 'commander';
import { toYardmasterError, YardmasterError } from '../core/errors.ts';
import { addAgentsCommands } from './commands/agents.ts';
import { addAuditCommand } from './commands/audit.ts';
import { addCapabilitiesCommands } from './commands/capabilities.ts';
import { addDemoCommand } from './commands/demo.ts';
import { addDoctorCommand } from './commands/doctor.ts';
import { addErrorsCommand } from './commands/errors.ts';
import type { AddCommands, Handler } from './commands/group.ts';
import { addLintCommand } from './commands/lint.ts';
import { addMcpCommand } from './commands/mcp.ts';
import { addPlanCommand } from './commands/plan.ts';
import { addRunCommand } from './commands/run.ts';
import { addRunsCommands } from './commands/runs.ts';
import { addSchedulesCommands } from './commands/schedules.ts';
import { addServeCommand } from './commands/serve.ts';
import { addWorkflowsCommands } from './commands/workflows.ts';
import { type Connect, type Context, createContext } from './context.ts';
import { exitCodeOf, exitCodes } from './exit-codes.ts';
import { colourModes, formats, progressModes, readDuration, usageError } from './options.ts';
import { tellError } from './tell-error.ts';
import type { Terminal } from './terminal.ts';

const GROUPS: readonly AddCommands[] = [
  addServeCommand,
  addDemoCommand,
  addRunCommand,
  addPlanCommand,
  addRunsCommands,
  addWorkflowsCommands,
  addSchedulesCommands,
  addAgentsCommands,
  addCapabilitiesCommands,
  addAuditCommand,
  addMcpCommand,
  addDoctorCommand,
  addLintCommand,
  addErrorsCommand,
];

export interface CliOptions {
  readonly terminal: Terminal;
  readonly version: string;
  /** How a client is made; tests pass their own. */
  readonly connect?: Connect;
}

/** Runs one command and answers with its exit code. `args` without node and script. */
export async function runCli(args: readonly string[], options: CliOptions): Promise<number> {
  let exitCode: number = exitCodes.ok;
  const program = createProgram(options, (code) => {
    exitCode = code;
  });
  try {
    await program.parseAsync(withVersionFlag(args), { from: 'user' });
    return exitCode;
  } catch (error) {
    if (error instanceof CommanderError && error.exitCode === 0) return exitCodes.ok;
    // Called without a command: the help is printed already.
    if (error instanceof CommanderError && error.code === 'commander.help') return exitCodes.usage;
    const isJson = args.includes('--json') || args.some((arg, i) => arg === '-o' && args[i + 1] === 'json');
    tellError(createContext(options.terminal, { json: isJson }), usageProblem(error, helpFor(program, args)));
    return exitCodes.usage;
  }
}

/** `--version` in front of everything is asked of the program. */
function withVersionFlag(args: readonly string[]): string[] {
  return args[0] === '--version' ? ['-V'] : [...args];
}

/** What is wrong with the words of a command line, from commander or from the reader of an option's value. */
function usageProblem(error: unknown, help: string): YardmasterError {
  if (error instanceof CommanderError) return commanderError(error, help);
  if (error instanceof YardmasterError && error.code === 'USAGE') return error;
  throw error;
}

function createProgram({ terminal, version, connect }: CliOptions, finish: (code: number) => void): Command {
  const program = new Command('yardmaster')
    .description('A control plane for agents: durable workflows that move on when one fails.')
    // Not --version, which commander would take from anywhere: of a command it is the version of a workflow.
    .version(version, '-V', 'the version of this program; also --version')
    .configureHelp({ showGlobalOptions: true })
    .configureOutput({ writeOut: terminal.out, writeErr: terminal.err, outputError: () => undefined })
    .exitOverride()
    .showSuggestionAfterError(true);
  addGlobalOptions(program);
  const bind = <Args extends readonly unknown[]>(handler: Handler<Args>) => {
    return async (...given: unknown[]): Promise<void> => {
      // Commander appends the options and the command itself to the arguments.
      const command = given.pop();
      if (!(command instanceof Command)) throw new TypeError('commander passed no command');
      const context = createContext(terminal, command.optsWithGlobals(), connect);
      finish(await guard(context, () => handler(context, ...(given as unknown as Args))));
    };
  };
  for (const add of GROUPS) add(program, bind);
  return program;
}

function addGlobalOptions(program: Command): void {
  program
    .option('--url <url>', 'of the control plane; default: $YARDMASTER_URL, else http://127.0.0.1:7420')
    .addOption(new Option('-o, --output <format>', 'of the answer').choices(formats))
    .option('--json', 'the same as -o json')
    .addOption(new Option('--color <when>').choices(colourModes))
    .addOption(new Option('--progress <how>').choices(progressModes))
    .option('-q, --quiet', 'the answer only')
    .option('-v, --verbose', 'with causes and stacks')
    .option('--timeout <duration>', 'give up after this long, such as 30s', readDuration)
    .option('--utc', 'times in UTC');
}

async function guard(context: Context, run: () => Promise<number>): Promise<number> {
  try {
    return await run();
  } catch (thrown) {
    const error = toYardmasterError(thrown);
    tellError(context, error);
    return exitCodeOf(error);
  } finally {
    await context.close();
  }
}

/** `error: unknown option '--foo'\n(Did you mean --for?)` */
function commanderError(error: CommanderError, help: string): YardmasterError {
  const message = error.message.replace(/^error: /, '').replace(/\s*\n\s*/g, ' ');
  return usageError(message, help);
}

/** The page of the command that was called, as far as its words name one: that of the program has none of its options. */
function helpFor(program: Command, args: readonly string[]): string {
  let command = program;
  for (const word of args) {
    const inside = command.commands.find((known) => known.name() === word);
    if (inside !== undefined) command = inside;
  }
  const words = [];
  for (let at: Command | null = command; at !== null; at = at.parent) words.unshift(at.name());
  return `${words.join(' ')} --help`;
}
