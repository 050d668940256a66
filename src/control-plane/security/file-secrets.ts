/** One file per secret in one folder, as Kubernetes and Docker mount them. Read anew each time, so that a new value counts at once. */
import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { limits } from '../../core/limits.ts';
import { SECRET_NAME_PATTERN } from '../../core/secret-mark.ts';
import type { SecretProvider } from '../../core/secret-provider.ts';

const utf8 = new TextDecoder('utf-8', { fatal: true });

/** One newline at the end of a file is not part of the value. Links are followed: mounts are made of them. */
export function createFileSecrets(folder: string): SecretProvider {
  return {
    read: (name) => readSecret(folder, name),
    placeOf: (name) => `the file "${name}" in ${folder}`,
  };
}

function readSecret(folder: string, name: string): string | undefined {
  // A name has no dot and no slash in it, so it cannot lead out of the folder.
  if (!SECRET_NAME_PATTERN.test(name)) return undefined;
  const file = join(folder, name);
  const found = statSync(file, { throwIfNoEntry: false });
  if (found?.isFile() !== true) return undefined;
  if (found.size > limits.secretFileBytesMax)
    throw new Error(`it has ${found.size} bytes, at most ${limits.secretFileBytesMax}`);
  const value = utf8.decode(readFileSync(file)).replace(/\r?\n$/, '');
  return value === '' ? undefined : value;
}
