/**
 * Tells readers of the catalogue what is registered. It owns, per reader, the names that were registered since it last read:
 * a slow reader gets the newest version of each, so there are never more of them than workflows.
 */
export class CatalogueWatch {
  private readonly listeners = new Set<(namespace: string, name: string) => void>();

  registered(namespace: string, name: string): void {
    for (const listener of [...this.listeners]) listener(namespace, name);
  }

  /** Names in portions, for as long as the signal is not aborted. Listens from the call of `next` on. */
  async *follow(namespace: string, signal: AbortSignal): AsyncGenerator<readonly string[]> {
    const names = new Set<string>();
    let wake: (() => void) | undefined;
    const listener = (where: string, name: string): void => {
      if (where !== namespace) return;
      names.add(name);
      wake?.();
    };
    const onAbort = (): void => wake?.();
    this.listeners.add(listener);
    signal.addEventListener('abort', onAbort, { once: true });
    try {
      // The first portion is empty: from now on nothing is missed.
      yield [];
      while (!signal.aborted) {
        if (names.size === 0) {
          await new Promise<void>((resolve) => (wake = resolve));
          continue;
        }
        const portion = [...names];
        names.clear();
        yield portion;
      }
    } finally {
      this.listeners.delete(listener);
      signal.removeEventListener('abort', onAbort);
    }
  }
}
