/** Expressions of a definition, evaluated over what the interpreter says of the steps. The language itself is the product's. */
import { isYardmasterError } from '../../../src/core/errors.ts';
import type { JsonValue } from '../../../src/core/json.ts';
import type { Scope, StepView, Template } from '../../../src/workflow/compiled.ts';
import { within } from '../../../src/workflow/expressions/prepare.ts';
import { compileOutput, compileTemplate } from '../../../src/workflow/expressions/template.ts';
import type { Frame, Place } from './outline.ts';

/** The documents do not say what this value is. */
export class Unknown extends Error {}

export type Value = { readonly ok: true; readonly value: JsonValue } | { readonly ok: false; readonly code: string };

export type Spot = Parameters<typeof compileTemplate>[1];

/** Where and when an expression is read. */
export interface Reading {
  readonly spot: Spot;
  readonly frame: Frame;
  readonly now: number;
  /** Of the innermost loop. `last` may throw Unknown. */
  readonly loop?: { readonly iteration: number; last(): JsonValue } | undefined;
  /** Of the innermost map. `item` may throw Unknown. */
  readonly map?: { readonly index: number; item(): JsonValue } | undefined;
  readonly result?: JsonValue;
  readonly output?: JsonValue;
  /** A fallback, which sees its owner as that failed. */
  readonly fallback?: Place | undefined;
}

export interface World {
  readonly params: JsonValue;
  readonly run: Scope['run'];
  readonly workflow: Scope['workflow'];
  view(place: Place, fallback: Place | undefined): StepView;
}

export class Expressions {
  private readonly ids: readonly string[];
  private readonly world: World;
  private readonly templates = new Map<string, Template>();

  constructor(ids: readonly string[], world: World) {
    this.ids = ids;
    this.world = world;
  }

  /** Text without braces is CEL: conditions and `output`. */
  cel(text: JsonValue, reading: Reading): Value {
    return this.read(text, reading, compileOutput);
  }

  template(value: JsonValue, reading: Reading): Value {
    return this.read(value, reading, compileTemplate);
  }

  private read(text: JsonValue, reading: Reading, compile: typeof compileTemplate): Value {
    const { spot, frame, now, loop, map, result, output, fallback } = reading;
    const { params, run, workflow, view } = this.world;
    const looped = loop === undefined ? 'nothing' : 'loop';
    const around = map === undefined ? looped : within(looped, 'map');
    const key = `${compile.name} ${spot} ${around} ${JSON.stringify(text)}`;
    const indexOf = (id: string): number | undefined => (this.ids.includes(id) ? this.ids.indexOf(id) : undefined);
    const template = this.templates.get(key) ?? compile(text, spot, { indexOf, around });
    this.templates.set(key, template);
    const step = (index: number): StepView => {
      const place = frame.find(this.ids[index] ?? '');
      if (place === undefined) throw new Unknown();
      return view(place, fallback);
    };
    try {
      const more = {
        ...(loop && { loop }),
        ...(map && { map }),
        ...(result !== undefined && { result }),
        ...(output !== undefined && { output }),
      };
      return { ok: true, value: template.evaluate({ params: () => params, step, now, run, workflow, ...more }) };
    } catch (error) {
      if (isYardmasterError(error)) return { ok: false, code: error.code };
      throw error;
    }
  }
}
