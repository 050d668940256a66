/** The answer of a command on stdout, in the form that was asked for. */
import { stringify } from 'yaml';
import { protoJson } from '../client/index.ts';
import type { JsonValue } from '../core/json.ts';
import type { Context } from './context.ts';

/** A message of the public API. */
export type Message = Parameters<typeof protoJson>[0];

export interface ItemAnswer {
  readonly message: Message;
  readonly name: string;
  /** The form for people. */
  readonly text: () => string;
}

export interface ListAnswer<M extends Message> {
  /** The key of the list in JSON, such as `runs`. */
  readonly key: string;
  readonly messages: readonly M[];
  readonly nameOf: (message: M) => string;
  readonly text: () => string;
  /** Said on stderr instead of an empty table. */
  readonly empty: string;
}

export function printItem(context: Context, { message, name, text }: ItemAnswer): void {
  switch (context.format) {
    case 'table':
    case 'wide':
      return printText(context, text());
    case 'name':
      return printText(context, name);
    default:
      return printJson(context, protoJson(message));
  }
}

export function printList<M extends Message>(context: Context, answer: ListAnswer<M>): void {
  const { key, messages, nameOf, text, empty } = answer;
  switch (context.format) {
    case 'table':
    case 'wide':
      if (messages.length === 0) context.terminal.err(`${empty}\n`);
      else printText(context, text());
      return;
    case 'name':
      for (const message of messages) printText(context, nameOf(message));
      return;
    case 'jsonl':
      for (const message of messages) printJson(context, protoJson(message));
      return;
    default:
      return printJson(context, { [key]: messages.map(protoJson) });
  }
}

/** One value: YAML, JSON on one line for `jsonl`, readable JSON otherwise. */
export function printJson(context: Context, value: JsonValue): void {
  switch (context.format) {
    case 'yaml':
      context.terminal.out(stringify(value, { aliasDuplicateObjects: false }));
      return;
    case 'jsonl':
      return printText(context, JSON.stringify(value));
    default:
      return printText(context, JSON.stringify(value, null, 2));
  }
}

export function printText(context: Context, text: string): void {
  context.terminal.out(`${text}\n`);
}

/** True where people read the answer. */
export function isForPeople(context: Context): boolean {
  return context.format === 'table' || context.format === 'wide';
}
