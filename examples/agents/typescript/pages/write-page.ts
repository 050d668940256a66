import { rename, writeFile } from 'node:fs/promises';

/** Writes the whole page or nothing. */
export async function writePage(path: string, html: string): Promise<{ path: string; bytes: number }> {
  const draft = `${path}.${process.pid}.tmp`;
  await writeFile(draft, html);
  await rename(draft, path);
  return { path, bytes: Buffer.byteLength(html) };
}
