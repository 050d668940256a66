/** Loaded into every child before its own code: ends it when the demo is gone, however that ended. */
import { isMainThread } from 'node:worker_threads';

if (isMainThread && process.channel !== undefined && process.channel !== null) {
  process.on('disconnect', () => process.exit(1));
  // The tie alone must not keep the child alive.
  process.channel.unref();
}
