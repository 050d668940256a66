/** Times as people read them. */

/** `0:07`, `12:30`, `1:02:03` */
export function stopwatch(ms: number): string {
  const seconds = Math.max(0, Math.floor(ms / 1_000));
  const pad = (value: number): string => String(value).padStart(2, '0');
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes}:${pad(seconds % 60)}`;
  return `${Math.floor(minutes / 60)}:${pad(minutes % 60)}:${pad(seconds % 60)}`;
}

/** One unit: `41s`, `4m`, `3h`, `2d`; below a second `12ms`. */
export function roughly(ms: number): string {
  if (ms < 1_000) return `${Math.max(0, Math.round(ms))}ms`;
  if (ms < 60_000) return `${Math.round(ms / 1_000)}s`;
  if (ms < 3_600_000) return `${Math.round(ms / 60_000)}m`;
  if (ms < 86_400_000) return `${Math.round(ms / 3_600_000)}h`;
  return `${Math.round(ms / 86_400_000)}d`;
}

/** `12:00:03` in the reader's zone, or `12:00:03Z`. */
export function clockTime(time: Date, utc: boolean): string {
  if (utc) return `${time.toISOString().slice(11, 19)}Z`;
  const pad = (value: number): string => String(value).padStart(2, '0');
  return `${pad(time.getHours())}:${pad(time.getMinutes())}:${pad(time.getSeconds())}`;
}

/** `2026-11-24 12:00:03` in the reader's zone, or the same with a Z. */
export function dateTime(time: Date, utc: boolean): string {
  const date = utc
    ? time.toISOString().slice(0, 10)
    : `${time.getFullYear()}-${String(time.getMonth() + 1).padStart(2, '0')}-${String(time.getDate()).padStart(2, '0')}`;
  return `${date} ${clockTime(time, utc)}`;
}
