/** Labels of a workflow and of a step: as many and as long as those of a run and of an agent may be. */
import { limits } from '../core/limits.ts';
import type { Finding, Path } from './finding.ts';

export function checkLabels(
  labels: Readonly<Record<string, string>> | undefined,
  subject: string,
  path: Path,
): readonly Finding[] {
  if (labels === undefined) return [];
  const entries = Object.entries(labels);
  const many = `${subject} has ${entries.length} labels, limit ${limits.labelsMax}`;
  const findings: Finding[] = entries.length > limits.labelsMax ? [{ code: 'LIMIT', message: many, path }] : [];
  for (const [key, value] of entries.slice(0, limits.labelsMax)) {
    if (key !== '' && key.length <= limits.labelCharsMax && value.length <= limits.labelCharsMax) continue;
    const message = `${subject}: a label has a name of 1 to ${limits.labelCharsMax} characters, and a value of at most as many`;
    findings.push({ code: 'BAD_FIELD', message, path: [...path, key] });
  }
  return findings;
}
