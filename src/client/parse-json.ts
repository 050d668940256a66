import { YardmasterError } from '../core/errors.ts';
import type { JsonValue } from '../core/json.ts';

/** Reads JSON text; INVALID_JSON names the `subject`. */
export function parseJson(text: string, subject: string): JsonValue {
  try {
    return JSON.parse(text);
  } catch (error) {
    const fact = error instanceof Error ? error.message : String(error);
    throw new YardmasterError('INVALID_JSON', `Cannot read "${subject}": ${fact}`, { cause: error });
  }
}
