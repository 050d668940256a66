/** The worker thread: one call after the other, and checkpoints in the pauses. */
import { parentPort } from 'node:worker_threads';
import { SqliteCore } from './sqlite-core.ts';
import { type Arguments, type Operation, perform } from './sqlite-link.ts';
import { IDLE_CHECKPOINT_BYTES, IDLE_CHECKPOINT_MS } from './tuning.ts';
import { toWireError, type WireError } from './wire-error.ts';

export interface Call {
  readonly op: Operation;
  readonly args: Arguments<Operation>;
}

export type Reply =
  | { readonly type: 'result'; readonly value: unknown }
  | { readonly type: 'error'; readonly error: WireError };

if (parentPort !== null) serve(parentPort);

function serve(port: NonNullable<typeof parentPort>): void {
  const core = new SqliteCore();
  const pause = setTimeout(() => core.checkpointFrom(IDLE_CHECKPOINT_BYTES), IDLE_CHECKPOINT_MS);
  port.on('message', ({ op, args }: Call) => {
    port.postMessage(answer(core, op, args));
    pause.refresh();
  });
}

/** Replies come in the order of the calls. */
function answer(core: SqliteCore, op: Operation, args: Arguments<Operation>): Reply {
  try {
    return { type: 'result', value: perform(core, op, args) };
  } catch (error) {
    return { type: 'error', error: toWireError(error) };
  }
}
