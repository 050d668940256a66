/** Definitions in files. */
import { readFile, stat } from 'node:fs/promises';
import { limits } from '../core/limits.ts';
import type { Context } from './context.ts';
import { usageError } from './options.ts';

/** The text of a file, remembered so that problems can show their line. Throws USAGE when it cannot be read. */
export async function readText(context: Context, file: string): Promise<string> {
  try {
    const { size } = await stat(file);
    if (size > limits.definitionBytesMax) {
      throw new Error(`it has ${size} bytes; at most ${limits.definitionBytesMax} are allowed`);
    }
    const text = await readFile(file, 'utf8');
    context.texts.set(file, text);
    return text;
  } catch (error) {
    throw usageError(`Cannot read "${file}": ${factOf(error)}`);
  }
}

function factOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  if ('code' in error && error.code === 'ENOENT') return 'there is no such file';
  if ('code' in error && error.code === 'EISDIR') return 'it is a folder';
  return error.message;
}

/** What `run` takes: `nightly.yaml` is a file, `Nightly` a registered workflow. */
export function looksLikeFile(text: string): boolean {
  return /\.(?:ya?ml|json)$/i.test(text) || text.includes('/') || text.includes('\\');
}
