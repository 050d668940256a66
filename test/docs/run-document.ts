/**
 * Runs the blocks of one document in their order. It owns the document's folder, the control plane that blocks with
 * `needs=serve` talk to, and what runs in the background.
 */
import type { ChildProcess } from 'node:child_process';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { formatProblemLine, inspectWorkflow } from '../../src/workflow/index.ts';
import { compareOutput } from './compare-output.ts';
import type { Block } from './read-blocks.ts';
import { type Program, root, run, start, stop, waitForLine, workFolder } from './shell.ts';

/** Crates that the example agent was built with are not compiled again: its folder, and its profile. */
const CARGO = {
  CARGO_TARGET_DIR: join(root, '.tmp', 'languages', 'examples', 'agents', 'rust', 'target'),
  CARGO_PROFILE_DEV_DEBUG: '0',
};

export class DocumentRunner implements AsyncDisposable {
  readonly #folder: string;
  /** Their commands are for a checkout. */
  readonly #isOfExamples: boolean;
  readonly #background: ChildProcess[] = [];
  #url: string | undefined;
  #printed: string | undefined;

  constructor(document: string) {
    this.#folder = folderOf(document);
    this.#isOfExamples = document.startsWith('examples/');
    rmSync(this.#folder, { recursive: true, force: true });
    mkdirSync(this.#folder, { recursive: true });
  }

  /** What the last block that was run has printed. */
  get printed(): string | undefined {
    return this.#printed;
  }

  /** Throws what a reader would stumble over. */
  async run(block: Block): Promise<void> {
    if (block.file !== undefined) this.#place(block.file, block.text);
    if (block.needs.includes('serve')) this.#url ??= await this.#serve();
    switch (block.kind) {
      case 'ts run':
        return this.#execute(block, this.#node(writeScript(this.#folder, block)));
      case 'sh run':
        return this.#execute(block, this.#shell(block));
      case 'yaml lint':
        return readYaml(block);
      case 'json':
        JSON.parse(block.text);
        return;
      case 'proto':
        return this.#compile(block);
      case 'text out':
        return this.#compare(block);
      case 'python source':
      case 'go source':
      case 'java source':
      case 'rust source':
      case 'toml source':
      case 'xml source':
      case 'yaml source':
        if (block.file === undefined) throw new Error('no command can use it: it has no file=');
        return;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const child of this.#background.reverse()) await stop(child);
  }

  #place(name: string, text: string): void {
    const file = join(this.#folder, name);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, text);
  }

  async #execute(block: Block, program: Program): Promise<void> {
    if (block.isBackground) return this.#keep(program);
    const { exitCode, output } = await run(program);
    this.#printed = output;
    if (exitCode !== block.exitCode) throw new Error(`it ended with ${exitCode}, not ${block.exitCode}:\n${output}`);
  }

  /** In the background: ready when it says its first line. */
  async #keep(program: Program): Promise<void> {
    const child = start(program);
    this.#background.push(child);
    const [line] = await waitForLine(child, /^.+$/m);
    this.#printed = line;
  }

  async #serve(): Promise<string> {
    const store = join(this.#folder, 'store.db');
    const child = start(this.#program('yardmaster', ['serve', '--port', '0', '--store', store]));
    this.#background.push(child);
    const [, url = ''] = await waitForLine(child, /(http:\/\/127\.0\.0\.1:\d+)[\s\S]*\bready\b/);
    return url;
  }

  #compare(block: Block): void {
    if (this.#printed === undefined) throw new Error('no block above it prints anything');
    const difference = compareOutput(block.text, this.#printed);
    if (difference !== undefined) throw new Error(difference);
  }

  /** Its syntax and its form, as `buf format` would write it. */
  async #compile(block: Block): Promise<void> {
    const buf = join(root, 'node_modules', '.bin', 'buf');
    const { exitCode, output } = await run(this.#program(buf, ['format', this.#write(block), '--exit-code', '--diff']));
    if (exitCode !== 0) throw new Error(output);
  }

  #write(block: Block): string {
    const file = join(this.#folder, block.file ?? `line-${block.line}.proto`);
    writeFileSync(file, block.text);
    return file;
  }

  #node(file: string): Program {
    return this.#program(process.execPath, ['--conditions=source', file]);
  }

  /**
   * Variables that a block sets are there in those below it, as in the one terminal of a reader. What stays in the background takes the
   * place of its shell, so that it hears the signal that ends it. Errors come where they come on a terminal.
   */
  #shell({ text, isBackground }: Block): Program {
    const variables = join(this.#folder, '.variables');
    const read = `[ ! -e '${variables}' ] || . '${variables}'`;
    const keep = `trap "export -p | grep -Ev '^declare -x (PWD|OLDPWD|SHLVL)=' >'${variables}'" EXIT`;
    const script = isBackground ? `${read}\nexec ${text}` : `exec 2>&1\n${read}\n${keep}\nset -a\n${text}`;
    return this.#program('bash', ['-euo', 'pipefail', '-c', script]);
  }

  #program(command: string, args: readonly string[]): Program {
    const env = this.#url === undefined ? {} : { YARDMASTER_URL: this.#url };
    return { command, args, cwd: this.#isOfExamples ? root : this.#folder, env: { ...CARGO, ...env } };
  }
}

/** `docs/howto/write-an-agent.md`: `.tmp/docs/howto-write-an-agent`. */
export function folderOf(document: string): string {
  return join(
    workFolder,
    document
      .replace(/^docs\//, '')
      .replace(/\.md$/, '')
      .replaceAll('/', '-')
      .toLowerCase(),
  );
}

export function writeScript(folder: string, block: Block): string {
  const file = join(folder, block.file ?? `line-${block.line}.ts`);
  writeFileSync(file, block.text);
  return file;
}

/** A workflow that is shown because it is wrong has another exit code than 0. */
function readYaml(block: Block): void {
  const { errors } = inspectWorkflow({ text: block.text, format: 'yaml', file: `${block.document}:${block.line}` });
  const found = errors.map(formatProblemLine).join('\n');
  if (block.exitCode === 0 && errors.length > 0) throw new Error(found);
  if (block.exitCode !== 0 && errors.length === 0) throw new Error('nothing is wrong with this workflow');
}
