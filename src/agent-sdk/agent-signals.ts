/** SIGTERM and SIGINT: the first one stops the agent in order, a second one ends the process at once. */
const SIGNALS = ['SIGTERM', 'SIGINT'] as const;
/** As a shell counts: 128 and the signal's number. */
const EXIT_CODES = { SIGTERM: 143, SIGINT: 130 } as const;

export class AgentSignals {
  #listeners: (() => void)[] = [];

  /** `stop` is called once; when it is done the process ends with code 0, or 1 when it failed. */
  listen(stop: (signal: string) => Promise<void>): void {
    let isStopping = false;
    for (const signal of SIGNALS) {
      const onSignal = (): void => {
        if (isStopping) process.exit(EXIT_CODES[signal]);
        isStopping = true;
        stop(signal).then(
          () => process.exit(0),
          () => process.exit(1),
        );
      };
      process.on(signal, onSignal);
      this.#listeners.push(() => process.off(signal, onSignal));
    }
  }

  /** Leaves the signals to others again. */
  stop(): void {
    for (const off of this.#listeners) off();
    this.#listeners = [];
  }
}
