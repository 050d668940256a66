import { YardmasterError } from '../core/errors.ts';

export interface Interrupt extends Disposable {
  readonly signal: AbortSignal;
  readonly signalled: Promise<void>;
  /** 128 and the signal's number, once one came. */
  readonly exitCode: number | undefined;
}

/** Ctrl-C and SIGTERM end the demo in order: its processes first. */
export function listenForSignals(): Interrupt {
  const controller = new AbortController();
  const exitCodes = { SIGINT: 130, SIGTERM: 143 } as const;
  let exitCode: number | undefined;
  const listeners = Object.entries(exitCodes).map(([name, code]) => {
    const listener = (): void => {
      exitCode ??= code;
      controller.abort(new YardmasterError('DEMO_FAILED', `Cannot finish the demo: ${name}`));
    };
    process.on(name, listener);
    return () => process.off(name, listener);
  });
  return {
    signal: controller.signal,
    signalled: new Promise((resolve) => controller.signal.addEventListener('abort', () => resolve(), { once: true })),
    get exitCode() {
      return exitCode;
    },
    [Symbol.dispose]: () => {
      for (const off of listeners) off();
    },
  };
}
