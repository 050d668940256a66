/** Text that came from elsewhere, made safe for a terminal, and the small forms that every page shares. */

/** Agents and authors choose names and messages: no control character of theirs may reach the terminal. */
export function safe(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what must not pass
  return text.replace(/[\u0000-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069]+/g, ' ').trim();
}

/** As `safe`, for text of several lines: those and tabs stay. */
export function plain(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what must not pass
  return text.replace(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069]/g, '');
}

/** At most `width` characters, `...` where it was cut. */
export function cut(text: string, width: number): string {
  const characters = [...text];
  if (characters.length <= width) return text;
  return `${characters.slice(0, Math.max(0, width - 3)).join('')}...`;
}

/** What people see of an instance: its agent and the end of its id. */
export function instanceName(agent: string, instance: string): string {
  return instance === '' ? safe(agent) : `${safe(agent)}/${safe(instance).slice(-4)}`;
}

/** The end of a run id that a command accepts. */
export function runTail(runId: string): string {
  return runId.slice(-4);
}

/** `1.2.0` as `1.2`; an action without a version has none. */
export function shortVersion(version: string): string {
  return safe(version).replace(/^(\d+\.\d+)\.0$/, '$1');
}

export function capabilityName(name: string, version: string): string {
  return version === '' || version === '0.0.0' ? safe(name) : `${safe(name)}@${shortVersion(version)}`;
}

/** `12,400` */
export function count(value: number): string {
  return String(value).replace(/\B(?=(\d{3})+(?!\d))/g, ',');
}

/** `1 step`, `3 steps` */
export function plural(value: number, noun: string): string {
  return `${count(value)} ${noun}${value === 1 ? '' : 's'}`;
}
