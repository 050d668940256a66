/**
 * The steps inside a block, one after the other, as a callback builds them: `then: (row) => row.step(...).step(...)`. Unlike a list
 * of literals their types are known at any depth.
 */
import type { WrittenStep } from './source.ts';
import { type OfRow, StepMethods } from './step-methods.ts';

/** `Last`: what the last step gives. */
export class RowBuilder<Params, Steps, Last = null> extends StepMethods<Params, Steps, OfRow> {
  /** Never there at run time. */
  declare protected readonly last?: Last;

  /** The steps of a finished row; undefined: it is none. */
  static stepsOf(value: unknown): readonly WrittenStep[] | undefined {
    return value instanceof RowBuilder ? value.written : undefined;
  }
}

/** No callback built the row. */
export interface Unbuilt {
  readonly unbuilt: never;
}

/** `Inner`: what is seen after the last step of the row. */
export type BuiltRow<Params, Steps, Inner, Last> = (row: RowBuilder<Params, Steps>) => RowBuilder<Params, Inner, Last>;

/** What a row gives: that of its last step when a callback built it, else what its literals say. */
export type RowOutput<Last, Written> = [Last] extends [Unbuilt] ? Written : Last;
