import type { Command } from 'commander';
import type { Context } from '../context.ts';
import { readPort, usageError } from '../options.ts';
import { isForPeople } from '../print.ts';
import { colourStyle } from '../render/style.ts';
import type { Bind } from './group.ts';

interface DemoFlags {
  readonly languages?: readonly string[];
  readonly keep?: boolean;
  readonly port?: number;
}

export function addDemoCommand(program: Command, bind: Bind): void {
  program
    .command('demo')
    .description('a real workflow on nine agents, one of which is killed: seen to its end, and checked')
    .option('--keep', 'leave the mesh up, with commands to look into it')
    .option('--port <port>', 'for the control plane, if it is free; default 7420', readPort)
    .option(
      '--languages <names>',
      'another workflow, on example agents in these languages, such as python,go,typescript; needs a checkout',
      readNames,
    )
    .action(bind(demo));
}

function readNames(text: string): readonly string[] {
  const names = text.split(',').map((name) => name.trim());
  if (names.every((name) => name !== '')) return names;
  throw usageError(`Cannot read the languages "${text}": they are not names with commas between them`);
}

async function demo(context: Context, { keep, port, languages }: DemoFlags): Promise<number> {
  const { terminal, style } = context;
  const options = {
    json: !isForPeople(context),
    keep: keep === true,
    color: style === colourStyle,
    out: terminal.out,
    err: terminal.err,
    ...(port === undefined ? {} : { port }),
  };
  // Loaded here: it brings its data with it.
  if (languages === undefined) return (await import('../../demo/run-demo.ts')).runDemo(options);
  return (await import('../../demo/run-mixed-demo.ts')).runMixedDemo(languages, options);
}
