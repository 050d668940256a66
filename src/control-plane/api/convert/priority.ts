import { Priority } from '../../../gen/yardmaster/v1/priority_pb.ts';
import type { Priority as PriorityName } from '../../../workflow/definition.ts';

const NAMES = new Map<number, PriorityName>([
  [Priority.LOW, 'low'],
  [Priority.NORMAL, 'normal'],
  [Priority.HIGH, 'high'],
  [Priority.CRITICAL, 'critical'],
]);

const NUMBERS: Readonly<Record<string, Priority>> = {
  low: Priority.LOW,
  normal: Priority.NORMAL,
  high: Priority.HIGH,
  critical: Priority.CRITICAL,
};

/** Undefined: not stated, or a priority that this version does not know. */
export function readPriority(priority: Priority): PriorityName | undefined {
  return NAMES.get(priority);
}

export function writePriority(name: string | undefined): Priority {
  return NUMBERS[name ?? ''] ?? Priority.UNSPECIFIED;
}
