/** Runs tsc over a generated file and answers what it says. */
import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../../../', import.meta.url));
// Beside the package's entry, because its `exports` hide the command.
const tsc = join(dirname(fileURLToPath(import.meta.resolve('typescript/package.json'))), 'bin', 'tsc');

export interface TypeCheck {
  /** Errors of the file itself. */
  readonly errors: readonly string[];
  /** Type instantiations of the whole check, library types included. */
  readonly instantiations: number;
}

/** `body` follows the imports of the builder and of the capabilities beside this file. */
export async function checkTypes(body: string): Promise<TypeCheck> {
  const folder = await mkdtemp(join(tmpdir(), 'yardmaster-types-'));
  try {
    const from = (path: string): string => JSON.stringify(join(root, path));
    const imports = [
      `import { cel, WorkflowBuilder } from ${from('src/workflow/builder/index.ts')};`,
      `import { clean, extract } from ${from('test/unit/builder/capabilities.ts')};`,
    ];
    await writeFile(join(folder, 'generated.mts'), `${imports.join('\n')}\n${body}\nexport { cel, clean, extract };\n`);
    const config = {
      extends: join(root, 'tsconfig.json'),
      compilerOptions: { typeRoots: [join(root, 'node_modules/@types')], extendedDiagnostics: true },
      include: [join(folder, 'generated.mts')],
    };
    await writeFile(join(folder, 'tsconfig.json'), JSON.stringify(config));
    const output = await runCompiler(folder);
    return {
      errors: output.split('\n').filter((line) => line.includes('generated.mts(')),
      instantiations: Number(/^Instantiations:\s+(\d+)/m.exec(output)?.[1] ?? Number.NaN),
    };
  } finally {
    await rm(folder, { recursive: true });
  }
}

function runCompiler(folder: string): Promise<string> {
  return new Promise((resolve, reject) => {
    execFile(process.execPath, [tsc, '-p', folder, '--singleThreaded'], { cwd: root }, (error, stdout, stderr) => {
      // Exit codes 1 and 2 mean that there are type errors; they are what is asked for.
      if (error !== null && typeof error.code !== 'number') reject(error);
      else resolve(stdout + stderr);
    });
  });
}
