/**
 * Recorders at run time: proxies that remember the path by which they were reached and refuse everything else.
 *
 * Invariants: 1. a recorder never yields a value; 2. whatever JavaScript would do with one besides reading a member
 * throws EXPRESSION_NOT_RECORDED (truthiness and `===` cannot be trapped); 3. only this file knows what is a recorder.
 */
import { YardmasterError } from '../../core/errors.ts';
import type { Cel, Recorder } from './recorded.ts';

export interface Recording {
  /** CEL. */
  readonly text: string;
  /** False when operators may stand in it, so that joining it with others needs parentheses. */
  readonly isPath: boolean;
}

const recordings = new WeakMap<object, Recording>();

const IDENTIFIER = /^[A-Za-z_][A-Za-z0-9_]*$/;
const INDEX = /^(?:0|[1-9][0-9]{0,8})$/;
/** Words that CEL's grammar keeps for itself; as a member they stand in brackets. */
const RESERVED: ReadonlySet<string> = new Set(
  'as break const continue else false for function if import in let loop namespace null package return true var void while'.split(
    ' ',
  ),
);
/** What JavaScript asks of an object when it wants text, a number or JSON. */
const COERCIONS: ReadonlySet<string> = new Set(['toString', 'valueOf', 'toJSON', 'toLocaleString']);

/** What a recorder or a `cel` expression recorded; undefined for anything else. */
export function recordingOf(value: unknown): Recording | undefined {
  const isReference = (typeof value === 'object' && value !== null) || typeof value === 'function';
  return isReference ? recordings.get(value) : undefined;
}

/** A recorder that stands at `text`. Its type is the caller's knowledge: a recorder itself holds no value of it. */
export function createRecorder<T>(text: string): Recorder<T> {
  return enclose({ text, isPath: true }, (key) => createRecorder(member(text, key))) as Recorder<T>;
}

/** An expression with operators: stands for a value, has no members to read. */
export function createExpression<T>(text: string): Cel<T> {
  return enclose({ text, isPath: false }, (key) => {
    throw notRecorded(`reads "${key}" of`, text, `write it in the tag: cel\`(${text}).${key}\``);
  }) as unknown as Cel<T>;
}

/** CEL's way to read a member: `a.b`, `a[0]`, `a["b-c"]`. */
export function member(text: string, key: string): string {
  if (INDEX.test(key)) return `${text}[${key}]`;
  if (IDENTIFIER.test(key) && !RESERVED.has(key)) return `${text}.${key}`;
  return `${text}[${JSON.stringify(key)}]`;
}

function enclose(recording: Recording, read: (key: string) => unknown): object {
  const { text } = recording;
  const refuse = (act: string, next: string) => (): never => {
    throw notRecorded(act, text, next);
  };
  // A function as target, so that calling it (`rows.map(...)`) reaches a trap with a message of ours.
  const proxy = new Proxy(() => undefined, {
    get: (_, key) => read(readableKey(text, key)),
    apply: refuse('calls', 'methods are not recorded; CEL has size(), filter(), map(): cel`size(${rows})`'),
    has: refuse('looks for a member of', 'use has() of CEL: cel`has(${value})`'),
    ownKeys: refuse('spreads or lists the members of', 'name the members you need, one by one'),
    getOwnPropertyDescriptor: refuse('inspects', 'name the members you need, one by one'),
    getPrototypeOf: refuse('inspects', 'use it as a value, or in cel`${...}`'),
    set: refuse('writes to', 'a workflow has no variables; return the value from the callback'),
    defineProperty: refuse('writes to', 'a workflow has no variables; return the value from the callback'),
    deleteProperty: refuse('writes to', 'a workflow has no variables; return the value from the callback'),
  });
  recordings.set(proxy, recording);
  return proxy;
}

function readableKey(text: string, key: string | symbol): string {
  if (key === Symbol.iterator || key === Symbol.asyncIterator) {
    throw notRecorded('iterates over', text, 'pass the whole list on, or use CEL: cel`${rows}.map(row, row.id)`');
  }
  if (typeof key === 'symbol' || COERCIONS.has(key)) {
    throw notRecorded('turns into text, a number or JSON', text, 'join it in the tag: cel`"table " + ${params.table}`');
  }
  if (key === 'length') {
    throw notRecorded(
      'reads "length" of',
      text,
      `use cel\`size(\${...})\`; for a member of that name cel\`\${...}.length\``,
    );
  }
  return key;
}

function notRecorded(act: string, text: string, next: string): YardmasterError {
  const fact = 'it has no value until the workflow runs';
  return new YardmasterError('EXPRESSION_NOT_RECORDED', `cannot record a callback that ${act} "${text}": ${fact}`, {
    meta: { expression: text },
    next,
  });
}
