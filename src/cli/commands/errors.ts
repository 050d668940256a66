import type { Command } from 'commander';
import { errorCatalogue, findError } from '../../core/error-catalogue.ts';
import { YardmasterError } from '../../core/errors.ts';
import { nearest } from '../../core/nearest.ts';
import type { Context } from '../context.ts';
import { exitCodeOf, exitCodes } from '../exit-codes.ts';
import { isForPeople, printJson, printText } from '../print.ts';
import { alignParts } from '../render/table.ts';
import type { Bind } from './group.ts';

export function addErrorsCommand(program: Command, bind: Bind): void {
  program
    .command('errors')
    .argument('[code]', 'such as UNKNOWN_STEP; default: all')
    .description('what a code means')
    .action(bind(explainErrors));
}

async function explainErrors(context: Context, code: string | undefined): Promise<number> {
  const codes = code === undefined ? Object.keys(errorCatalogue).sort() : [knownCode(code)];
  const entries = codes.map((name) => {
    const entry = findError(name);
    const status = entry?.status ?? 'INTERNAL';
    const exitCode = exitCodeOf(new YardmasterError(name, '', { meta: { status } }));
    return { code: name, status, exitCode, explanation: entry?.explanation ?? '' };
  });
  if (!isForPeople(context)) {
    const [only] = entries;
    printJson(context, code === undefined || only === undefined ? { errors: entries } : only);
  } else if (code === undefined) {
    for (const line of alignParts(entries.map((entry) => [entry.code, entry.explanation]))) printText(context, line);
  } else {
    for (const entry of entries) {
      printText(context, `${entry.code}: ${entry.explanation}`);
      printText(context, `  gRPC status ${entry.status}, exit code ${entry.exitCode}`);
    }
  }
  return exitCodes.ok;
}

function knownCode(text: string): string {
  const code = text.toUpperCase();
  if (findError(code) !== undefined) return code;
  const close = nearest(code, Object.keys(errorCatalogue));
  const hint = close === undefined ? '' : `; did you mean ${close}?`;
  throw new YardmasterError('UNKNOWN_CODE', `Cannot explain "${text}": it is no code of Yardmaster${hint}`, {
    meta: { status: 'NOT_FOUND' },
    next:
      close === undefined
        ? 'yardmaster errors lists all; agents have codes of their own'
        : `yardmaster errors ${close}`,
  });
}
