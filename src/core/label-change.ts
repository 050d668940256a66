/** `region=us, disk-`: a change of labels, as the command has it. */
export function labelChangeText(change: {
  readonly labels: Readonly<Record<string, string>>;
  readonly removed: readonly string[];
}): string {
  const set = Object.entries(change.labels).map(([key, value]) => `${key}=${value}`);
  return [...set, ...change.removed.map((key) => `${key}-`)].join(', ');
}
