/** Every expression parses, names what exists, and reads only steps that have surely ended. */
import { isYardmasterError, type YardmasterError } from '../core/errors.ts';
import { isJsonObject, type JsonValue } from '../core/json.ts';
import { Upstream } from './check-upstream.ts';
import { type LoopStepDefinition, runsBodies, type WaitStepDefinition, type WorkflowDefinition } from './definition.ts';
import { type Around, prepare, type Spot, within } from './expressions/prepare.ts';
import type { StepReference } from './expressions/rewrite.ts';
import { OPENING, splitTemplate, stripBraces } from './expressions/source.ts';
import type { Finding, Path } from './finding.ts';
import { readSecretCall } from './secrets.ts';
import type { Suggestions } from './suggestions.ts';
import type { Entry, Level, Survey } from './survey.ts';
import { isTimeText } from './wait-times.ts';

export function checkExpressions(
  definition: WorkflowDefinition,
  survey: Survey,
  suggestions: Suggestions,
): readonly Finding[] {
  const checker = new ExpressionChecker(survey, suggestions);
  for (const entry of survey.entries) checker.step(entry);
  if (definition.output !== undefined)
    checker.output(definition.output, {
      path: ['output'],
      spot: 'runOutput',
      reader: undefined,
      around: 'nothing',
    });
  return checker.findings;
}

interface Where {
  readonly path: Path;
  readonly spot: Spot;
  /** The step that reads; undefined for the run's own output. */
  readonly reader: Entry | undefined;
  readonly around: Around;
}

class ExpressionChecker {
  readonly findings: Finding[] = [];
  readonly #survey: Survey;
  readonly #suggestions: Suggestions;
  readonly #upstream = new Upstream();

  constructor(survey: Survey, suggestions: Suggestions) {
    this.#survey = survey;
    this.#suggestions = suggestions;
  }

  step(entry: Entry): void {
    const { step, path } = entry;
    const around = aroundOf(entry);
    const where = (field: string, spot: Spot): Where => ({ path: [...path, field], spot, reader: entry, around });
    if (step.when !== undefined) this.#condition(step.when, where('when', 'when'));
    if ((step.type === 'agent' || step.type === 'workflow') && step.parameters !== undefined)
      this.#template(step.parameters, where('parameters', 'input'));
    if (step.type === 'agent' && step.concurrencyKey !== undefined)
      this.#template(step.concurrencyKey.key, where('concurrencyKey', 'concurrencyKey'));
    if (step.type === 'condition') this.#condition(step.if, where('if', 'if'));
    if (step.type === 'switch') this.#condition(step.switch, where('switch', 'switch'));
    if (step.type === 'set') this.#template(step.set, where('set', 'set'));
    if (step.type === 'wait') this.#wait(step, where);
    if (step.type === 'signal') {
      if (step.title !== undefined) this.#template(step.title, where('title', 'input'));
      if (step.default !== undefined) this.#template(step.default, where('default', 'input'));
    }
    if (step.type === 'map') this.output(step.items, where('items', 'items'));
    if (step.type === 'loop') return this.#loop(step, where);
    if (step.output !== undefined) this.output(step.output, where('output', 'output'));
    if (step.assert !== undefined) this.#condition(step.assert, where('assert', 'assert'));
  }

  #wait({ for: length, until }: WaitStepDefinition, where: (field: string, spot: Spot) => Where): void {
    if (length !== undefined) this.#template(length, where('for', 'input'));
    if (until !== undefined && isTimeText(until)) this.#template(until, where('until', 'input'));
    else if (until !== undefined) this.output(until, where('until', 'input'));
  }

  /** Its conditions and its output see the loop from inside, but not the steps of its body. */
  #loop(step: LoopStepDefinition, where: (field: string, spot: Spot) => Where): void {
    const inLoop = (field: 'while' | 'until' | 'output' | 'assert'): Where => {
      const outside = where(field, field);
      return { ...outside, around: within(outside.around, 'loop') };
    };
    if (step.while !== undefined) this.#condition(step.while, inLoop('while'));
    if (step.until !== undefined) this.#condition(step.until, inLoop('until'));
    if (step.output !== undefined) this.output(step.output, inLoop('output'));
    if (step.assert !== undefined) this.#condition(step.assert, inLoop('assert'));
  }

  /** A bare string is CEL there, anything else a template. */
  output(value: JsonValue, where: Where): void {
    if (typeof value === 'string' && !value.includes(OPENING)) this.#condition(value, where);
    else this.#template(value, where);
  }

  #condition(text: string, where: Where): void {
    this.#guarded(where, 0, () => {
      const { source, offset } = stripBraces(text);
      this.#expression(source, offset, where);
    });
  }

  #template(value: JsonValue, where: Where): void {
    if (typeof value === 'string') this.#text(value, where);
    else if (Array.isArray(value)) {
      for (const [i, item] of value.entries()) this.#template(item, { ...where, path: [...where.path, i] });
    } else if (isJsonObject(value)) {
      for (const [key, item] of Object.entries(value)) this.#template(item, { ...where, path: [...where.path, key] });
    }
  }

  #text(text: string, where: Where): void {
    if (!text.includes(OPENING)) return;
    this.#guarded(where, 0, () => {
      for (const part of splitTemplate(text))
        if (part.kind === 'expression' && !isSecretCall(part.source, where))
          this.#expression(part.source, part.offset, where);
    });
  }

  #expression(source: string, offset: number, where: Where): void {
    this.#guarded(where, offset, () => {
      for (const reference of prepare(source, where.spot, where.around).steps)
        this.#reference(reference, offset, where);
    });
  }

  #reference(reference: StepReference, offset: number, where: Where): void {
    const part = { offset: offset + reference.offset, length: reference.id.length };
    const target = this.#survey.byId.get(reference.id);
    if (target === undefined) {
      this.findings.push({ ...this.#unknownStep(reference, where), path: where.path, part });
      return;
    }
    const body = bodyAround(where.reader, target);
    if (body !== undefined) {
      this.findings.push({ ...insideBody(where, target, body), path: where.path, part });
      return;
    }
    const fact = this.#whyNotReadable(where, target);
    if (fact === undefined) return;
    const message = `${nameOf(where)} reads "${reference.id}", ${fact}`;
    this.findings.push({ code: 'NOT_UPSTREAM', message, path: where.path, part, ...this.#remedy(where, target) });
  }

  #unknownStep(reference: StepReference, where: Where): Omit<Finding, 'path'> {
    const { byId } = this.#survey;
    const message = `${nameOf(where)} reads a step that does not exist`;
    if (reference.hyphenated !== undefined && byId.has(reference.hyphenated)) {
      return { code: 'UNKNOWN_STEP', message, hint: `write steps["${reference.hyphenated}"]` };
    }
    const near = this.#suggestions.nearest(reference.id, byId.keys());
    const target = near === undefined ? undefined : byId.get(near);
    if (near === undefined || target === undefined) return { code: 'UNKNOWN_STEP', message };
    return { code: 'UNKNOWN_STEP', message, hint: `did you mean "${near}"?`, see: [[...target.path, 'id']] };
  }

  #whyNotReadable({ reader, spot }: Where, target: Entry): string | undefined {
    if (reader === undefined)
      return target.level.isCleanup ? 'a cleanup step, which starts after the output is made' : undefined;
    if (target.level.attached === 'compensate' && target !== reader && !isInFinally(reader))
      return 'a compensation, which starts when the run is ending';
    switch (this.#upstream.relation(reader, target)) {
      case 'ended':
        return undefined;
      case 'self':
        return spot === 'output' || spot === 'assert' ? 'which is itself: use `result`' : 'which is itself';
      case 'around':
        return 'the block that it stands in';
      case 'inside':
        return spot === 'output' || spot === 'assert' ? undefined : 'which runs inside it';
      case 'attached':
        return 'which starts after it';
      case 'branch':
        return 'which stands in another branch';
      case 'finally':
        return 'a cleanup step, which starts after it';
      case 'unordered':
        return hasUnknownDependency(reader) ? undefined : 'which may not have ended before it';
    }
  }

  #remedy({ reader }: Where, target: Entry): Pick<Finding, 'next'> {
    if (reader === undefined || reader.level !== target.level || reader === target) return {};
    const [here, there] = [reader.step.id, target.step.id];
    // A dependency would close a circle then.
    if (this.#upstream.relation(target, reader) === 'ended')
      return { next: `move "${there}" above "${here}": it starts after that now` };
    return { next: `add "${there}" to the dependencies of "${here}"` };
  }

  #guarded(where: Where, offset: number, work: () => void): void {
    try {
      work();
    } catch (error) {
      if (!isYardmasterError(error)) throw error;
      this.findings.push(toFinding(error, where, offset));
    }
  }
}

/** No expression: it stands for a secret, which check-secrets.ts looks at. */
function isSecretCall(source: string, { reader, spot }: Where): boolean {
  return spot === 'input' && reader?.step.type === 'agent' && readSecretCall(source) !== undefined;
}

/** Compensations are over when `finally` begins. */
function isInFinally(reader: Entry): boolean {
  let { level } = reader;
  while (level.block !== undefined) level = level.block.level;
  return level.isCleanup;
}

/** What belongs to a loop or a map stands beside it, not in it. */
function aroundOf({ level: own }: Entry): Around {
  let around: Around = 'nothing';
  const level = own.attached === undefined ? own : own.block?.level;
  for (let block = level?.block; block !== undefined; block = block.level.block) {
    if (runsBodies(block.step)) around = within(around, block.step.type);
  }
  return around;
}

/** The outermost loop or map in whose body `target` stands and `reader` does not: there is one `target` per iteration or item. */
function bodyAround(reader: Entry | undefined, target: Entry): Entry | undefined {
  let found: Entry | undefined;
  for (let level = target.level; level.block !== undefined; level = level.block.level) {
    const isBody = level.attached === undefined && runsBodies(level.block.step);
    if (isBody && !isWithin(reader, level)) found = level.block;
  }
  return found;
}

function isWithin(reader: Entry | undefined, level: Level): boolean {
  for (let at = reader?.level; at !== undefined; at = at.block?.level) if (at === level) return true;
  return false;
}

function insideBody(where: Where, target: Entry, block: Entry): Omit<Finding, 'path'> {
  const { id, type } = block.step;
  if (type === 'map') return insideMap(where, target, block);
  const message = `${nameOf(where)} reads "${target.step.id}", which runs anew in each iteration of "${id}"`;
  const own =
    where.reader === block && where.spot !== 'when' ? 'read `last`, the output of the last iteration' : undefined;
  return {
    code: 'NOT_UPSTREAM',
    message,
    hint: own ?? `read the output of "${id}", which is that of its last iteration`,
  };
}

function insideMap(where: Where, target: Entry, block: Entry): Omit<Finding, 'path'> {
  const { id } = block.step;
  const isOwn = where.reader === block && where.spot === 'output';
  return {
    code: 'NOT_UPSTREAM',
    message: `${nameOf(where)} reads "${target.step.id}", which runs once for each item of "${id}"`,
    hint: isOwn
      ? 'read `result`, the list of what the items gave'
      : `read the output of "${id}", the list of what they gave`,
  };
}

/** Its order is unknown then, and the dependency itself is reported. */
function hasUnknownDependency({ step, level }: Entry): boolean {
  return step.dependencies.some((id) => !level.byId.has(id));
}

function nameOf({ reader, spot }: Where): string {
  return reader === undefined ? 'the output' : `${spot === 'input' ? '' : `"${spot}" of `}step "${reader.step.id}"`;
}

function toFinding(error: YardmasterError, where: Where, offset: number): Finding {
  const at = Number(error.meta.offset ?? 0);
  const length = Number(error.meta.length ?? 1);
  return {
    code: error.code,
    message: `${nameOf(where)}: ${error.message}, column ${at + 1}`,
    path: where.path,
    part: { offset: offset + at, length },
    ...(error.next === undefined ? {} : { hint: error.next }),
  };
}
