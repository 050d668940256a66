/** Durations in definitions and configuration: a number is milliseconds; text is `500ms`, `30s`, `5m`, `1h`, `2d`. */
const UNIT_MS: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };
export const DURATION_PATTERN = /^\s*(\d+(?:\.\d+)?)(ms|s|m|h|d)\s*$/;
/** A hundred years: the longest duration that still fits a date. */
export const DURATION_MS_MAX = 100 * 365 * 86_400_000;

/** Milliseconds, or undefined when `value` is not a duration. */
export function parseDuration(value: number | string): number | undefined {
  const ms = typeof value === 'number' ? value : readText(value);
  if (ms === undefined || !Number.isFinite(ms) || ms < 0 || ms > DURATION_MS_MAX) return undefined;
  return Math.round(ms);
}

function readText(text: string): number | undefined {
  const match = DURATION_PATTERN.exec(text);
  if (match === null) return undefined;
  return Number(match[1]) * (UNIT_MS[match[2] ?? ''] ?? Number.NaN);
}

/** The way people write a duration: in the largest unit that needs no fraction, such as `14d`, `30s`; 0 is `0ms`. */
export function unitDuration(ms: number): string {
  const units = Object.entries(UNIT_MS).toReversed();
  const [unit, size] = units.find(([, candidate]) => ms >= candidate && ms % candidate === 0) ?? ['ms', 1];
  return `${ms / size}${unit}`;
}

/** The way people read a duration: `12ms`, `0.9s`, `1m 05s`, `2h 03m`. */
export function formatDuration(ms: number): string {
  if (ms < 1_000) return `${Math.round(ms)}ms`;
  if (ms < 60_000) return `${(ms / 1_000).toFixed(1)}s`;
  const pad = (value: number): string => String(value).padStart(2, '0');
  const seconds = Math.floor(ms / 1_000);
  if (seconds < 3_600) return `${Math.floor(seconds / 60)}m ${pad(seconds % 60)}s`;
  return `${Math.floor(seconds / 3_600)}h ${pad(Math.floor((seconds % 3_600) / 60))}m`;
}
