/** The example agent as a process: `node example.ts`. Its environment is that of docs/agents/README.md. */
import { createExampleAgent } from './example/agent.ts';

/** Ends the process when the variable is no whole number from `min`. */
function readCount(name: string, fallback: number, min: number): number {
  const text = process.env[name] ?? '';
  const value = text === '' ? fallback : Number(text);
  if (Number.isSafeInteger(value) && value >= min) return value;
  console.error(`cannot start: ${name} is "${text}", not a whole number from ${min}`);
  process.exit(2);
}

const slots = readCount('YARDMASTER_SLOTS', 4, 1);
const graceMs = readCount('YARDMASTER_GRACE_MS', 10_000, 0);
const token = process.env.YARDMASTER_TOKEN;
const id = process.env.YARDMASTER_AGENT_ID ?? 'example-typescript';
const agent = createExampleAgent({ id, slots, ...(token === undefined || token === '' ? {} : { token }) });

let isLeaving = false;
for (const signal of ['SIGTERM', 'SIGINT'] as const) {
  process.on(signal, () => {
    if (isLeaving) process.exit(1);
    isLeaving = true;
    agent.stop({ graceMs, reason: signal }).then(
      () => process.exit(0),
      () => process.exit(1),
    );
  });
}
// Somebody may start the control plane tomorrow.
await agent.start({ timeoutMs: 2 ** 31 - 1 });
console.log(`connected: ${agent.id}`);
