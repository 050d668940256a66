/** How a command is tied to the line that calls it. */
import type { Command } from 'commander';
import type { Context } from '../context.ts';

/** Does the work and answers with the exit code. */
export type Handler<Args extends readonly unknown[]> = (context: Context, ...args: Args) => Promise<number>;

/** Makes the action of a command: builds the context, catches, closes. */
export type Bind = <Args extends readonly unknown[]>(handler: Handler<Args>) => (...args: unknown[]) => Promise<void>;

/** Adds commands to the program. */
export type AddCommands = (program: Command, bind: Bind) => void;
