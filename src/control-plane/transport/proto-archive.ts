/** The .proto files that a client or an agent needs, as one tar. */
import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { writeTar } from './tar.ts';

/** The package's `proto` folder, at the same distance from `src` and from `dist`. */
const PROTO_ROOT = new URL('../../../proto/', import.meta.url);
const FOLDERS = ['google/rpc', 'yardmaster/v1'];

let archive: Buffer | undefined;

/** Read when first asked for. */
export function protoArchive(): Buffer {
  archive ??= writeTar(FOLDERS.flatMap(readFolder));
  return archive;
}

function readFolder(folder: string) {
  const names = readdirSync(fileURLToPath(new URL(folder, PROTO_ROOT))).filter((name) => name.endsWith('.proto'));
  return names.sort().map((name) => {
    const path = `${folder}/${name}`;
    return { path, bytes: readFileSync(fileURLToPath(new URL(path, PROTO_ROOT))) };
  });
}
