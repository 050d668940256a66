/** Files that a person asked for. */
import { writeFile } from 'node:fs/promises';
import { usageError } from './options.ts';

/** Throws USAGE with the system's own words. */
export async function writeText(file: string, text: string): Promise<void> {
  try {
    await writeFile(file, text);
  } catch (error) {
    throw usageError(`Cannot write "${file}": ${error instanceof Error ? error.message : String(error)}`);
  }
}
