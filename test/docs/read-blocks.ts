/**
 * Finds the fenced blocks of the documentation and reads what their fences say. A fence is
 * ```KIND [WORD] [needs=a,b] [file=NAME] [exit=N] [background] [norun="why"]
 * and its kind is one of `kinds` below; anything else is a problem, so that no example goes untested by accident.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';

/** What becomes of a block, by the first words of its fence. */
export const kinds = {
  'ts run': 'is type-checked and run',
  'sh run': 'is run by bash, which stops at the first failure',
  'yaml lint': 'is read as a workflow',
  json: 'is parsed',
  proto: 'is compared with what buf format writes',
  'text out': 'is what the block above it prints',
  'python source': 'is a file that the commands below it use',
  'go source': 'is a file that the commands below it use',
  'java source': 'is a file that the commands below it use',
  'rust source': 'is a file that the commands below it use',
  'toml source': 'is a file that the commands below it use',
  'xml source': 'is a file that the commands below it use',
  'yaml source': 'is a file that the commands below it use',
} as const;

export type Kind = keyof typeof kinds;

export interface Block {
  /** Relative to the repository. */
  readonly document: string;
  /** Of the fence, from 1. */
  readonly line: number;
  readonly kind: Kind;
  readonly text: string;
  /** What must be there: `serve` (the runner starts it), or something that only `.ci/run` installs. */
  readonly needs: readonly string[];
  /** Other blocks of the document find the text under this name. */
  readonly file: string | undefined;
  /** How it ends; default 0. */
  readonly exitCode: number;
  /** Goes on while the blocks below it run. */
  readonly isBackground: boolean;
}

export interface SkippedBlock {
  readonly document: string;
  readonly line: number;
  readonly why: string;
}

export interface Documentation {
  readonly blocks: readonly Block[];
  readonly skipped: readonly SkippedBlock[];
  /** Fences that say too little, as `file:line: what`. */
  readonly problems: readonly string[];
}

export function readDocumentation(root: string, documents = findDocuments(root)): Documentation {
  const read = documents.map((document) => readBlocks(document, readFileSync(join(root, document), 'utf8')));
  return {
    blocks: read.flatMap(({ blocks }) => blocks),
    skipped: read.flatMap(({ skipped }) => skipped),
    problems: read.flatMap(({ problems }) => problems),
  };
}

/** README, CONTRIBUTING and the like, and everything in docs/ and examples/. */
export function findDocuments(root: string): readonly string[] {
  const top = readdirSync(root).filter((name) => name.endsWith('.md'));
  const inside = ['docs', 'examples'].flatMap((folder) =>
    readdirSync(join(root, folder), { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile() && entry.name.endsWith('.md'))
      .map((entry) => relative(root, join(entry.parentPath, entry.name)))
      // What the examples install has pages of its own, such as those in `.venv`.
      .filter((file) => !file.split('/').some((part) => part.startsWith('.'))),
  );
  return [...top, ...inside].sort();
}

const FENCE = /^( *)(`{3,})(.*)$/;

export function readBlocks(document: string, markdown: string): Documentation {
  const blocks: Block[] = [];
  const skipped: SkippedBlock[] = [];
  const problems: string[] = [];
  const lines = markdown.split('\n');
  for (let i = 0; i < lines.length; i++) {
    const opening = FENCE.exec(lines[i] ?? '');
    if (opening === null) continue;
    const [, indent = '', ticks = '', info = ''] = opening;
    const end = lines.findIndex((line, j) => j > i && line.trim() === ticks);
    const line = i + 1;
    if (end < 0) {
      problems.push(`${document}:${line}: the block has no end`);
      break;
    }
    const text = lines.slice(i + 1, end).map((inside) => inside.slice(indent.length));
    const fence = readFence(info.trim());
    if (typeof fence === 'string') problems.push(`${document}:${line}: ${fence}`);
    else if ('why' in fence) skipped.push({ document, line, why: fence.why });
    else blocks.push({ document, line, text: `${text.join('\n')}\n`, ...fence });
    i = end;
  }
  return { blocks, skipped, problems };
}

type Fence = Omit<Block, 'document' | 'line' | 'text'>;

/** The fence, or what is wrong with it. */
function readFence(info: string): Fence | { readonly why: string } | string {
  const words = info.match(/[\w-]+="[^"]*"|\S+/g) ?? [];
  const options = new Map<string, string>();
  const names: string[] = [];
  for (const word of words) {
    const [, key, value] = /^(\w+)=(?:"([^"]*)"|.*)$/.exec(word) ?? [];
    if (key === undefined) names.push(word);
    else options.set(key, value ?? word.slice(key.length + 1));
  }
  const why = options.get('norun');
  if (why !== undefined) return why.trim() === '' ? 'norun without a reason' : { why };
  const isBackground = names.includes('background');
  const kind = names.filter((name) => name !== 'background').join(' ');
  const unknown = [...options.keys()].find((key) => !['needs', 'file', 'exit'].includes(key));
  if (unknown !== undefined) return `"${unknown}=" means nothing to the runner`;
  if (!isKind(kind)) return `"${kind}" is not a kind of block; there are ${Object.keys(kinds).join(', ')}`;
  return {
    kind,
    needs: options.get('needs')?.split(',') ?? [],
    file: options.get('file'),
    exitCode: Number(options.get('exit') ?? 0),
    isBackground,
  };
}

function isKind(name: string): name is Kind {
  return Object.hasOwn(kinds, name);
}
