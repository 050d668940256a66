import type { StepClass } from './types.ts';

/**
 * The canonical text of a class: equal exactly when all members are equal. It is stored in task rows, so
 * `parseClassKey` reads it back after a restart.
 */
export function classKeyOf(stepClass: StepClass): string {
  const { namespace, capability, versionRange, agentId, labels } = stepClass;
  const flat: string[] = [];
  for (const name of Object.keys(labels).sort()) flat.push(name, labels[name] ?? '');
  return JSON.stringify([namespace, capability, versionRange, agentId, ...flat]);
}

/** The class that a key was made from; undefined when the text is not such a key. */
export function parseClassKey(key: string): StepClass | undefined {
  const parts = parseTexts(key);
  if (parts === undefined || parts.length < 4 || parts.length % 2 !== 0) return undefined;
  const [namespace = '', capability = '', versionRange = '', agentId = '', ...flat] = parts;
  const labels: [string, string][] = [];
  for (let at = 0; at < flat.length; at += 2) labels.push([flat[at] ?? '', flat[at + 1] ?? '']);
  return { namespace, capability, versionRange, agentId, labels: Object.fromEntries(labels) };
}

function parseTexts(key: string): readonly string[] | undefined {
  try {
    const value: unknown = JSON.parse(key);
    return Array.isArray(value) && value.every((part) => typeof part === 'string') ? value : undefined;
  } catch {
    // Not JSON is one of the ways not to be a key; the caller says what that means.
    return undefined;
  }
}
