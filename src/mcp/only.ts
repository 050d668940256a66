/** Which capabilities and workflows are offered. */

/** Whether a capability or workflow of this name is. */
export type Only = (name: string) => boolean;

export const everything: Only = () => true;

/** `patterns`: names, or beginnings of names with `*` behind them. None: everything. */
export function onlyNames(patterns: readonly string[]): Only {
  if (patterns.length === 0) return everything;
  const names = new Set(patterns);
  const beginnings = patterns.filter((each) => each.endsWith('*')).map((each) => each.slice(0, -1));
  return (name) => names.has(name) || beginnings.some((beginning) => name.startsWith(beginning));
}
