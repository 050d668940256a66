/** Lines of grpc-js's own. Anybody who sends it a strange header would write to standard error, as much as they like. */
import { setLogger } from '@grpc/grpc-js';
import type { Logger } from '../../core/logger.ts';

const LINE_CHARS_MAX = 256;

/** For the whole process: only for one that is a control plane and nothing else. */
export function takeGrpcLogs(logger: Logger): void {
  const take = (...words: unknown[]): void => {
    logger.debug('grpc', { line: words.join(' ').slice(0, LINE_CHARS_MAX).toWellFormed() });
  };
  setLogger({ error: take, info: take, debug: take });
}
