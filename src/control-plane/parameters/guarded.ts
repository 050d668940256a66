/** What is cheap is checked here, everything else in a worker that can be stopped (ADR 14). */
import type { JsonObject } from '../../core/json.ts';
import { CheckWorker, type CheckWorkerOptions } from './check-worker.ts';
import { mayCheckHere, weightOf } from './cost.ts';
import { InProcessChecks } from './in-process.ts';
import type { CheckedParameters, ParameterChecks } from './port.ts';

interface Known {
  readonly weight: number | undefined;
  readonly text: string;
}

export class GuardedChecks implements ParameterChecks {
  readonly #here = new InProcessChecks();
  readonly #beside: CheckWorker;
  readonly #known = new WeakMap<JsonObject, Known>();

  constructor(options: CheckWorkerOptions = {}) {
    this.#beside = new CheckWorker(options);
  }

  async prepare(schema: JsonObject): Promise<void> {
    const { weight, text } = this.#look(schema);
    // The check of the definition knows everything that a cheap schema can say.
    if (weight === undefined) await this.#beside.run({ schema: text });
  }

  async check(schema: JsonObject, parameters: Uint8Array): Promise<CheckedParameters> {
    const { weight, text } = this.#look(schema);
    if (mayCheckHere(weight, parameters)) return this.#here.check(schema, parameters);
    const checked = await this.#beside.run({ schema: text, parameters });
    if (checked === undefined) throw new Error('the worker did not say what it found');
    return checked;
  }

  close(): Promise<void> {
    return this.#beside.close();
  }

  #look(schema: JsonObject): Known {
    let known = this.#known.get(schema);
    if (known === undefined) {
      known = { weight: weightOf(schema), text: JSON.stringify(schema) };
      this.#known.set(schema, known);
    }
    return known;
  }
}
