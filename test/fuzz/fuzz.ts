/** Inputs of one seed against a control plane, and what must hold of it meanwhile and afterwards. */
import { Dice } from '../sim/dice.ts';
import { attack, attacks } from './http2-frames.ts';
import { drawInput, type Input } from './inputs.ts';
import { type RawAnswer, RawHttp2 } from './raw-http2.ts';
import { Target } from './target.ts';

export interface FuzzReport {
  readonly seed: number;
  readonly inputs: number;
  /** Answers by gRPC status; `none`: the stream ended without one. */
  readonly answers: Readonly<Record<string, number>>;
  /** Runs of the agent beside, and how long the slowest took. */
  readonly healthyRuns: number;
  readonly slowestHealthyMs: number;
  /** Heap and buffers after a third of the inputs, and at the end. */
  readonly bytesBefore: number;
  readonly bytesAfter: number;
  readonly violations: readonly string[];
}

const AT_ONCE = 8;
const GROWTH_BYTES_MAX = 24 * 1024 * 1024;
const UNKNOWN = 2;
const INTERNAL = 13;
/** Until the streams that were left are gone. */
const QUIET_MS = 30_000;

export async function fuzz(seed: number, inputs: number): Promise<FuzzReport> {
  await using target = await Target.start();
  const dice = new Dice(seed);
  const answers: Record<string, number> = {};
  const violations: string[] = [];
  const note = (input: Input, { code, message, isOpen }: RawAnswer, number: number): void => {
    const name = isOpen ? 'open' : String(code ?? 'none');
    answers[name] = (answers[name] ?? 0) + 1;
    if (input.isFramed && (code === UNKNOWN || code === INTERNAL))
      violations.push(`input ${number} (${input.path}) was answered ${code}: ${message}`);
  };
  const third = await feed(target, { dice, from: 0, to: Math.ceil(inputs / 3), note });
  await quiet(target);
  const before = await target.figures();
  await feed(target, { dice, from: third, to: inputs, note });
  await quiet(target);
  const after = target.controlPlane.isAlive ? await target.figures() : { heap: Number.NaN, external: Number.NaN };
  const held = target.controlPlane.isAlive ? await target.finish() : { status: 'NONE', attempts: 0 };
  const bytesBefore = before.heap + before.external;
  const bytesAfter = after.heap + after.external;
  if (!target.controlPlane.isAlive) violations.push('the control plane has died');
  if (held.status !== 'COMPLETED' || held.attempts !== 1)
    violations.push(`the run beside ended ${held.status} in ${held.attempts} attempts`);
  if (!(bytesAfter - bytesBefore < GROWTH_BYTES_MAX))
    violations.push(`memory grew from ${bytesBefore} to ${bytesAfter} bytes`);
  violations.push(...target.errors().map((line) => `log: ${line.slice(0, 2_000)}`));
  const slowestHealthyMs = Math.round(Math.max(...target.healthyMs));
  return {
    seed,
    inputs,
    answers,
    healthyRuns: target.healthyMs.length,
    slowestHealthyMs,
    bytesBefore,
    bytesAfter,
    violations,
  };
}

interface Feeding {
  readonly dice: Dice;
  readonly from: number;
  readonly to: number;
  readonly note: (input: Input, answer: RawAnswer, number: number) => void;
}

async function feed(target: Target, { dice, from, to, note }: Feeding): Promise<number> {
  const names = Object.keys(attacks);
  let next = from;
  const worker = async (): Promise<void> => {
    const raw = new RawHttp2(target.controlPlane.ready.url);
    for (let number = next++; number < to && target.controlPlane.isAlive; number = next++) {
      const own = dice.fork(String(number));
      const name = names[number % 40];
      if (name !== undefined) {
        await attack(target.port, name, own);
        continue;
      }
      const { recorded, attemptIds } = target;
      const input = drawInput({ dice: own, recorded, attemptIds });
      note(input, await raw.call(input), number);
    }
    raw.close();
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
  return to;
}

/** Only the stream of the agent beside is left. */
async function quiet(target: Target): Promise<void> {
  const until = performance.now() + QUIET_MS;
  while (target.controlPlane.isAlive && (await target.metric('yardmaster_streams')) > 1) {
    if (performance.now() > until) throw new Error('streams that were left are still there');
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}
