/** Settings of an agent come from its environment, as those of any service. */

/** Throws when it is not set. */
export function readSetting(name: string): string {
  const value = process.env[name];
  if (value === undefined || value === '')
    throw new Error(`cannot start: set ${name} (examples/agents/typescript/README.md)`);
  return value;
}

/** Tells the replicas of an agent apart in `yardmaster agents get`. */
export const LABELS: Readonly<Record<string, string>> = { pid: `${process.pid}` };
