/** The written forms of how many may run at once: a number, or an object that says more. */
import { z } from 'zod';
import { limits } from '../core/limits.ts';
import { nearest } from '../core/nearest.ts';
import type { ConcurrencyDefinition, ConcurrencyKeyDefinition, ConcurrencyOverflow } from './definition.ts';
import { isRecord } from './json-copy.ts';

const OVERFLOWS: readonly ConcurrencyOverflow[] = ['queue', 'reject', 'cancelOldest'];

type Report = (message: string, path: readonly string[]) => void;

/** `5` or `{limit: 5, overflow: queue}`. */
export const concurrencyForm = z
  .unknown()
  .transform((value, context): ConcurrencyDefinition => {
    const report: Report = (message, path) => context.addIssue({ code: 'custom', message, path: [...path] });
    if (typeof value === 'number') return { limit: readLimit(value, [], report) };
    if (isRecord(value)) return readObject(value, report);
    report('must be a whole number, or an object such as { limit: 5, overflow: queue }', []);
    return { limit: 1 };
  })
  .meta({
    type: ['integer', 'object'],
    minimum: 1,
    maximum: limits.concurrencyMax,
    properties: {
      limit: { description: 'how many', type: 'integer', minimum: 1, maximum: limits.concurrencyMax },
      overflow: {
        description: 'what becomes of one more: it waits, it is refused, or the oldest is cancelled for it',
        enum: [...OVERFLOWS],
        default: 'queue',
      },
    },
    required: ['limit'],
    additionalProperties: false,
  });

function readObject(value: Readonly<Record<string, unknown>>, report: Report): ConcurrencyDefinition {
  refuseOthers(value, ['limit', 'overflow'], report);
  if (value.limit === undefined) report('has no "limit"', []);
  const limit = value.limit === undefined ? 1 : readLimit(value.limit, ['limit'], report);
  const overflow = OVERFLOWS.find((name) => name === value.overflow);
  if (overflow !== undefined) return { limit, overflow };
  if (value.overflow !== undefined) report(`must be one of ${OVERFLOWS.join(', ')}`, ['overflow']);
  return { limit };
}

function readLimit(value: unknown, path: readonly string[], report: Report): number {
  if (typeof value === 'number' && Number.isInteger(value)) return value;
  report('must be a whole number', path);
  return 1;
}

function refuseOthers(value: Readonly<Record<string, unknown>>, members: readonly string[], report: Report): void {
  for (const key of Object.keys(value)) {
    if (members.includes(key)) continue;
    const near = nearest(key, members);
    report(`is not a member; ${near === undefined ? `there are ${members.join(', ')}` : `did you mean "${near}"?`}`, [
      key,
    ]);
  }
}

/** `db-${{ params.name }}` or `{key: ..., limit: 2}`. */
export const concurrencyKeyForm = z
  .unknown()
  .transform((value, context): ConcurrencyKeyDefinition => {
    const report: Report = (message, path) => context.addIssue({ code: 'custom', message, path: [...path] });
    if (typeof value === 'string') return { key: value };
    if (isRecord(value) && typeof value.key === 'string') {
      refuseOthers(value, ['key', 'limit'], report);
      const { key, limit } = value;
      return { key, ...(limit === undefined ? {} : { limit: readLimit(limit, ['limit'], report) }) };
    }
    report('must be text, or an object such as { key: db, limit: 2 }', []);
    return { key: '' };
  })
  .meta({
    type: ['string', 'object'],
    minLength: 1,
    properties: {
      key: { description: 'text; may have expressions in it', type: 'string', minLength: 1 },
      limit: {
        description: 'attempts that may run at once',
        type: 'integer',
        minimum: 1,
        maximum: limits.keyLimitMax,
        default: 1,
      },
    },
    required: ['key'],
    additionalProperties: false,
  });
