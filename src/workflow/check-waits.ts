/** Single values of `wait` and `signal`, and what the steps that wait for one signal have in common. */
import { NAME_PATTERN } from '../core/ids.ts';
import { canonicalJson, type JsonValue } from '../core/json.ts';
import { limits } from '../core/limits.ts';
import type { SignalStepDefinition, WaitStepDefinition } from './definition.ts';
import { OPENING } from './expressions/source.ts';
import type { Finding, Path } from './finding.ts';
import { checkFormSchema } from './parameters/check-schema.ts';
import type { Survey } from './survey.ts';
import { isTimeText, readLength, readTime } from './wait-times.ts';

const ACTOR_PATTERN = /^[ -~]{1,128}$/;

export function checkWait(step: WaitStepDefinition, path: Path): readonly Finding[] {
  const given = [step.forMs ?? step.for, step.until].filter((value) => value !== undefined).length;
  const subject = `step "${step.id}"`;
  if (given === 0) {
    const message = `${subject} does not say how long it waits`;
    return [{ code: 'MISSING_FIELD', message, path, next: 'add for: 5m, or until: a time' }];
  }
  if (given > 1 || (step.forMs !== undefined && step.for !== undefined))
    return [bad(`${subject} has both "for" and "until"; a wait has one end`, [...path, 'until'])];
  if (step.for !== undefined && !step.for.includes(OPENING) && readLength(step.for) === undefined)
    return [
      bad(`${subject}: "for" must be a duration such as 5m, or an expression in ${OPENING} }}`, [...path, 'for']),
    ];
  const { until } = step;
  if (until === undefined || !isTimeText(until) || until.includes(OPENING) || readTime(until) !== undefined) return [];
  return [
    bad(`${subject}: "until" must be a time with its offset such as 2026-12-01T09:00:00Z, or CEL`, [...path, 'until']),
  ];
}

export function checkSignal(step: SignalStepDefinition, path: Path): readonly Finding[] {
  const subject = `step "${step.id}"`;
  const findings: Finding[] = [];
  if (step.default !== undefined && (step.timeoutMs ?? 0) === 0)
    findings.push(bad(`${subject} has a "default" but no "timeout", so that it never counts`, [...path, 'default']));
  if (step.form !== undefined) findings.push(...checkFormSchema(step.form, [...path, 'form']));
  const answerers = step.answerers ?? [];
  if (answerers.length > limits.answerersMax)
    findings.push({
      code: 'LIMIT',
      message: `${subject} has ${answerers.length} answerers, limit ${limits.answerersMax}`,
      path,
    });
  for (const [i, actor] of answerers.entries()) {
    if (ACTOR_PATTERN.test(actor) && actor.trim() === actor && actor !== 'anonymous') continue;
    const fact = 'is not the name of an actor: 1 to 128 of printable ASCII';
    findings.push(bad(`${subject}: ${JSON.stringify(actor.slice(0, 80))} ${fact}`, [...path, 'answerers', i]));
  }
  return findings;
}

/** A signal has its answerers, not a step: otherwise one that only the second step may take would stand before the first. */
export function checkSignals(survey: Survey): readonly Finding[] {
  const first = new Map<string, { readonly step: SignalStepDefinition; readonly path: Path }>();
  const findings: Finding[] = [];
  for (const { step, path } of survey.entries) {
    if (step.type !== 'signal' || !NAME_PATTERN.test(step.signal)) continue;
    const known = first.get(step.signal);
    if (known === undefined) {
      first.set(step.signal, { step, path });
      continue;
    }
    const waits = `step "${step.id}" waits for signal "${step.signal}" as "${known.step.id}" does, but`;
    const see = [[...known.path, 'id']];
    if (!isSameForm(known.step.form, step.form)) {
      const next = 'state the same form, or name another signal';
      findings.push({
        ...bad(`${waits} with another form`, [...path, step.form === undefined ? 'signal' : 'form']),
        see,
        next,
      });
    }
    if (!sameNames(known.step.answerers ?? [], step.answerers ?? [])) {
      const next = 'name the same answerers, or another signal';
      findings.push({ ...bad(`${waits} from other answerers`, [...path, 'answerers']), see, next });
    }
  }
  if (first.size > limits.signalNamesMax)
    findings.push({ code: 'LIMIT', message: `${first.size} signals, limit ${limits.signalNamesMax}`, path: ['steps'] });
  return findings;
}

/** Whatever the order of their members. */
function isSameForm(left: JsonValue | undefined, right: JsonValue | undefined): boolean {
  return canonicalJson(left ?? {}) === canonicalJson(right ?? {});
}

function sameNames(left: readonly string[], right: readonly string[]): boolean {
  return left.length === right.length && left.every((name) => right.includes(name));
}

function bad(message: string, path: Path): Finding {
  return { code: 'BAD_FIELD', message, path };
}
