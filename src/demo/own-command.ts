/** How to call this very `yardmaster` again, from the same folder. */
import { existsSync, readFileSync } from 'node:fs';
import { isAbsolute, join, relative, resolve, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const Manifest = z.object({ dependencies: z.record(z.string(), z.string()).default({}) });

/** In a checkout through the Node that it brings, below npx with the same packages, else as a dependency of a project. */
export function ownCommand(root = ROOT, cwd = process.cwd()): string {
  if (existsSync(join(root, 'src'))) return `npx node ${relative(cwd, join(root, 'bin', 'yardmaster.cjs'))}`;
  if (!root.includes(`${sep}_npx${sep}`)) return 'npx yardmaster';
  const folder = resolve(root, '..', '..');
  const { dependencies } = Manifest.parse(JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')));
  const packages = Object.entries(dependencies).map(([name, range]) => `-p ${specOf(folder, name, range)}`);
  return `npx -y ${packages.join(' ')} yardmaster`;
}

function specOf(folder: string, name: string, range: string): string {
  if (!range.startsWith('file:')) return `${name}@${range}`;
  const path = range.slice('file:'.length);
  return isAbsolute(path) ? path : resolve(folder, path);
}
