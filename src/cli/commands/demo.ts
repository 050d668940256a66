import type { Command } from 'commander';
import type { Context } from '../context.ts';
import { readPort } from '../options.ts';
import { isForPeople } from '../print.ts';
import { colourStyle } from '../render/style.ts';
import type { Bind } from './group.ts';

interface DemoFlags {
  readonly keep?: boolean;
  readonly port?: number;
}

export function addDemoCommand(program: Command, bind: Bind): void {
  program
    .command('demo')
    .description('a real workflow on nine agents, one of which is killed: seen to its end, and checked')
    .option('--keep', 'leave the mesh up, with commands to look into it')
    .option('--port <port>', 'for the control plane, if it is free; default 7420', readPort)
    .action(bind(demo));
}

async function demo(context: Context, { keep, port }: DemoFlags): Promise<number> {
  // Loaded here: it brings its data with it.
  const { runDemo } = await import('../../demo/run-demo.ts');
  const { terminal, style } = context;
  return runDemo({
    json: !isForPeople(context),
    keep: keep === true,
    color: style === colourStyle,
    out: terminal.out,
    err: terminal.err,
    ...(port === undefined ? {} : { port }),
  });
}
