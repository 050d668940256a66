/** Several agents in one process. */
import type { Agent } from 'yardmaster/agent-sdk';

/** Resolves when all are connected, and says so. SIGTERM and SIGINT stop all of them in order; then the process ends. */
export async function startAll(agents: readonly Agent[]): Promise<void> {
  let isStopping = false;
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    process.once(signal, () => {
      isStopping = true;
      Promise.all(agents.map((agent) => agent.stop())).then(
        () => process.exit(0),
        () => process.exit(1),
      );
    });
  }
  try {
    await Promise.all(agents.map((agent) => agent.start()));
  } catch (error) {
    // Whoever is stopped while it dials was never connected, and that is as it should be.
    if (isStopping) return;
    throw error;
  }
  console.log(`connected: ${agents.map(({ id }) => id).join(', ')}`);
}
