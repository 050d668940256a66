import type { YardmasterError } from '../core/errors.ts';
import type { Context } from './context.ts';
import { errorJson, renderError } from './render/error.ts';

/** One object under JSON, the error grammar elsewhere; always on stderr. */
export function tellError(context: Context, error: YardmasterError): void {
  const { format, terminal, errStyle: style, options, texts } = context;
  if (format === 'json' || format === 'jsonl') {
    terminal.err(`${JSON.stringify(errorJson(error))}\n`);
    return;
  }
  const verbose = options.verbose === true || error.code === 'INTERNAL';
  terminal.err(`${renderError(error, { style, verbose, texts })}\n`);
}
