/** grpc.health.v1 over what the control plane says of itself, of agents and of capabilities. */
import type { ServiceImpl } from '@connectrpc/connect';
import { YardmasterError } from '../../core/errors.ts';
import { type Health, HealthCheckResponse_ServingStatus as ServingStatus } from '../../gen/grpc/health/v1/health_pb.ts';

export interface HealthSource {
  /** Undefined: no such name. */
  health(name: string): boolean | undefined;
  /** Calls `fn` whenever any answer may have changed. */
  onHealthChange(fn: () => void): () => void;
}

/** Answers of one server; after `stop` everything it knows is NOT_SERVING. */
export class HealthService {
  readonly impl: ServiceImpl<typeof Health>;
  private readonly source: HealthSource;
  private readonly services: ReadonlySet<string>;
  private readonly wakers = new Set<() => void>();
  private isStopping = false;

  /** `services`: full names that serve whenever `""` does. */
  constructor(source: HealthSource, services: readonly string[]) {
    this.source = source;
    this.services = new Set(services);
    this.impl = {
      check: ({ service }) => ({ status: this.checked(service) }),
      watch: ({ service }, { signal }) => this.watch(service, signal),
      list: () => ({
        statuses: Object.fromEntries(['', ...this.services].map((name) => [name, { status: this.statusOf(name) }])),
      }),
    };
  }

  stop(): void {
    this.isStopping = true;
    for (const wake of [...this.wakers]) wake();
  }

  private checked(name: string): ServingStatus {
    const status = this.statusOf(name);
    if (status !== ServingStatus.SERVICE_UNKNOWN) return status;
    throw new YardmasterError('HEALTH_NAME_UNKNOWN', `Cannot check "${name.slice(0, 128)}": nothing has this name`, {
      next: 'ask for "", a full service name, agent/<agent id> or capability/<name>',
    });
  }

  private statusOf(name: string): ServingStatus {
    const serves = this.source.health(name) ?? (this.services.has(name) ? this.source.health('') : undefined);
    if (serves === undefined) return ServingStatus.SERVICE_UNKNOWN;
    return serves && !this.isStopping ? ServingStatus.SERVING : ServingStatus.NOT_SERVING;
  }

  /** Stays open for a name that does not exist yet. */
  private async *watch(name: string, signal: AbortSignal): AsyncGenerator<{ status: ServingStatus }> {
    const changes = this.listen(signal);
    try {
      let told: ServingStatus | undefined;
      while (!signal.aborted) {
        const changed = changes.next();
        const status = this.statusOf(name);
        if (status !== told) yield { status };
        told = status;
        await changed;
      }
    } finally {
      changes.close();
    }
  }

  /** A change between two calls of `next` is not missed: ask for it before looking. */
  private listen(signal: AbortSignal): { next(): Promise<void>; close(): void } {
    let isDirty = false;
    let wakeUp: (() => void) | undefined;
    const wake = (): void => {
      isDirty = true;
      wakeUp?.();
    };
    const stopListening = this.source.onHealthChange(wake);
    this.wakers.add(wake);
    signal.addEventListener('abort', wake);
    return {
      next: () => {
        isDirty = false;
        return new Promise((resolve) => {
          wakeUp = resolve;
          if (isDirty || signal.aborted) resolve();
        });
      },
      close: () => {
        stopListening();
        this.wakers.delete(wake);
        signal.removeEventListener('abort', wake);
      },
    };
  }
}
