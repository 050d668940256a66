/** Milliseconds of processor time that `work` takes: the same on a busy machine, where a clock would show more. */
export function cpuTimeOf(work: () => void): number {
  const before = process.threadCpuUsage();
  work();
  const { user, system } = process.threadCpuUsage(before);
  return (user + system) / 1_000;
}
