import type { Command } from 'commander';
import type { Context } from '../context.ts';
import { checkClock, checkDisk, checkNode, checkPort, checkStore } from '../examine.ts';
import { exitCodes } from '../exit-codes.ts';
import { readPort } from '../options.ts';
import { isForPeople, printJson, printText } from '../print.ts';
import { renderChecks } from '../render/checks.ts';
import type { Bind } from './group.ts';

interface DoctorFlags {
  readonly host: string;
  readonly port: number;
  readonly store: string;
}

export function addDoctorCommand(program: Command, bind: Bind): void {
  program
    .command('doctor')
    .description('look for what would keep a control plane from running well here')
    .option('--host <host>', 'as for serve', '127.0.0.1')
    .option('--port <port>', 'as for serve', readPort, 7420)
    .option('--store <file>', 'as for serve', './yardmaster.db')
    .action(bind(examine));
}

async function examine(context: Context, { host, port, store }: DoctorFlags): Promise<number> {
  const checks = [
    checkNode(process.versions.node),
    await checkDisk(store),
    await checkPort(host, port),
    checkStore(store),
    await checkClock(`http://${host}:${port}`, () => context.terminal.now()),
  ];
  if (isForPeople(context)) printText(context, renderChecks(checks, context.style));
  else printJson(context, { checks: checks.map((check) => ({ ...check })) });
  return checks.every((check) => check.ok) ? exitCodes.ok : exitCodes.no;
}
