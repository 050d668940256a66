/** Facts beside a line of the log: ids, counts, an error under `error`. Never a payload, never a secret. */
export type LogFields = Readonly<Record<string, unknown>>;

/** Where lines of the log go. `telemetry/logger.ts` writes them as JSON; `silentLogger` drops them. */
export interface Logger {
  debug(message: string, fields?: LogFields): void;
  info(message: string, fields?: LogFields): void;
  warn(message: string, fields?: LogFields): void;
  error(message: string, fields?: LogFields): void;
  /** A logger whose lines all carry these facts, such as `{run, step, attempt, agent}`. */
  child(fields: LogFields): Logger;
}

export const silentLogger: Logger = {
  debug: () => {},
  info: () => {},
  warn: () => {},
  error: () => {},
  child: () => silentLogger,
};
