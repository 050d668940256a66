/** The engine: what a run's owner may use of it. */

export { startRun } from './commands/start-run.ts';
export type * from './commands.ts';
export { decide } from './decide.ts';
export { type DecideContext, MissingValues } from './decision.ts';
export type * from './events.ts';
export { evolve } from './evolve.ts';
export * from './state.ts';
export * from './status.ts';
