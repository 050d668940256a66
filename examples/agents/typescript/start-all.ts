/** Several agents in one process. */
import type { Agent } from 'yardmaster/agent-sdk';

/** Resolves when all are connected, and says so. SIGTERM and SIGINT stop all of them in order; then the process ends. */
export async function startAll(agents: readonly Agent[]): Promise<void> {
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    process.once(signal, () => {
      Promise.all(agents.map((agent) => agent.stop())).then(
        () => process.exit(0),
        () => process.exit(1),
      );
    });
  }
  await Promise.all(agents.map((agent) => agent.start()));
  console.log(`connected: ${agents.map(({ id }) => id).join(', ')}`);
}
