/**
 * A worker thread gets the arguments of its process. Those that say that the process runs a text (`node --input-type=module -e`)
 * end it at once, because it runs a file.
 */
const INPUT_TYPE = '--input-type';
/** The text follows as an argument of its own. */
const TAKES_TEXT: ReadonlySet<string> = new Set(['-e', '--eval', '-p', '--print', '-pe']);
const WITH_TEXT = /^--(?:eval|print)=/;

/** Options of a worker; empty, so that it gets all of them, where the process runs a file. `execArgv`: the process's. */
export function workerArguments(execArgv: readonly string[]): { readonly execArgv?: string[] } {
  if (!execArgv.some((argument) => argument.startsWith(INPUT_TYPE))) return {};
  const isOfText = (argument: string, i: number): boolean =>
    TAKES_TEXT.has(argument) || WITH_TEXT.test(argument) || TAKES_TEXT.has(execArgv[i - 1] ?? '');
  const isOfType = (argument: string, i: number): boolean =>
    argument.startsWith(INPUT_TYPE) || execArgv[i - 1] === INPUT_TYPE;
  return { execArgv: execArgv.filter((argument, i) => !isOfText(argument, i) && !isOfType(argument, i)) };
}
