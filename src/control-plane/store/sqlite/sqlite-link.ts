/** How the adapter reaches SqliteCore: in a worker thread, or in the same thread for tests. */
import { SqliteCore } from './sqlite-core.ts';

/** The calls that cross; each is a method of SqliteCore. */
export type Operation = Exclude<keyof SqliteCore, 'checkpointFrom'>;
export type Arguments<Op extends Operation> = Parameters<SqliteCore[Op]>;
export type Result<Op extends Operation> = ReturnType<SqliteCore[Op]>;

export interface SqliteLink {
  /** Calls take effect in order. `transfer` is given away: the caller must not touch it again. */
  call<Op extends Operation>(op: Op, args: Arguments<Op>, transfer?: ArrayBuffer): Promise<Result<Op>>;
  /** After the last call. */
  end(): Promise<void>;
}

/** Everything happens inside `call`. */
export function createInlineLink(): SqliteLink {
  const core = new SqliteCore();
  return {
    call: async (op, args) => perform(core, op, args),
    end: async () => {},
  };
}

export function perform<Op extends Operation>(core: SqliteCore, op: Op, args: Arguments<Op>): Result<Op> {
  // TypeScript cannot see that the method and its arguments belong to the same `op`.
  const method = core[op] as (this: SqliteCore, ...args: Arguments<Op>) => Result<Op>;
  return method.apply(core, args);
}
