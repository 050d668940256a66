/**
 * Generates everything that is derived and committed: `src/gen/` from `proto/`, and from the schemas of the sources what
 * gen/texts.ts lists (tables of the documentation, the schema for editors).
 *
 *   node scripts/gen.ts            writes it
 *   node scripts/gen.ts --check    writes nothing; exit code 1 when something is not what its source says
 *   node scripts/gen.ts --release  also makes the protos of today the base of `buf breaking`
 */
import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import {
  CodeGeneratorRequestSchema,
  CodeGeneratorResponseSchema,
  type FileDescriptorProto,
  FileDescriptorSetSchema,
} from '@bufbuild/protobuf/wkt';
import { createOpaqueFile, OPAQUE_FILE } from './gen/opaque.ts';
import { generateTexts } from './gen/texts.ts';
import { mustRun, root } from './run-command.ts';

const GEN = join(root, 'src', 'gen');
const RELEASED = join(root, 'proto', 'released.binpb');
/** What grpcurl and others may see: not `yardmaster.internal`, and never the twins. */
const REFLECTED = ['proto/yardmaster/v1', 'proto/grpc', 'proto/google'];
const ES_OPTIONS = 'target=ts,import_extension=ts,erasable_syntax=true';

main(process.argv.slice(2));

function main(args: readonly string[]): void {
  const parent = join(root, '.tmp');
  mkdirSync(parent, { recursive: true });
  const work = mkdtempSync(join(parent, 'gen-'));
  try {
    const out = generateAll(work);
    const texts = generateTexts();
    if (args.includes('--check')) return reportDrift([...findDrift(out), ...findDriftOfTexts(texts)]);
    replaceGenerated(out);
    for (const [path, text] of texts) writeText(path, text);
    if (args.includes('--release')) mustRun('buf', ['build', '--exclude-source-info', '-o', RELEASED]);
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

/** The folder that holds what belongs into src/gen. */
function generateAll(work: string): string {
  mustRun('buf', ['generate', '-o', work]);
  const out = join(work, 'src', 'gen');
  const image = join(work, 'image.binpb');
  mustRun('buf', ['build', '--as-file-descriptor-set', '-o', image]);
  generateTwins(fromBinary(FileDescriptorSetSchema, readFileSync(image)).file, out);
  const paths = REFLECTED.flatMap((path) => ['--path', path]);
  mustRun('buf', ['build', '--as-file-descriptor-set', ...paths, '-o', join(out, 'reflection.binpb')]);
  return out;
}

function generateTwins(files: readonly FileDescriptorProto[], out: string): void {
  const request = create(CodeGeneratorRequestSchema, {
    fileToGenerate: [OPAQUE_FILE],
    parameter: ES_OPTIONS,
    protoFile: [...files, createOpaqueFile(files)],
  });
  const { stdout } = mustRun('protoc-gen-es', [], { input: toBinary(CodeGeneratorRequestSchema, request) });
  const response = fromBinary(CodeGeneratorResponseSchema, stdout);
  if (response.error !== '') throw new Error(`cannot generate "${OPAQUE_FILE}": ${response.error}`);
  for (const file of response.file) {
    const path = join(out, file.name);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, file.content);
  }
}

/** Copies first and deletes last, so that whoever imports src/gen meanwhile finds every file. */
function replaceGenerated(out: string): void {
  cpSync(out, GEN, { recursive: true });
  for (const name of listFiles(GEN)) if (!existsSync(join(out, name))) rmSync(join(GEN, name));
}

function writeText(path: string, text: string): void {
  const file = join(root, path);
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, text);
}

function findDrift(out: string): readonly string[] {
  const names = new Set([...listFiles(out), ...listFiles(GEN)]);
  return [...names].filter((name) => !hasSameBytes(join(out, name), join(GEN, name))).map((name) => `src/gen/${name}`);
}

function findDriftOfTexts(texts: ReadonlyMap<string, string>): readonly string[] {
  const isOld = (path: string, text: string): boolean =>
    !existsSync(join(root, path)) || readFileSync(join(root, path), 'utf8') !== text;
  return [...texts].filter(([path, text]) => isOld(path, text)).map(([path]) => path);
}

function reportDrift(drifted: readonly string[]): void {
  if (drifted.length === 0) return;
  console.error(`not what its source says: ${drifted.join(', ')}\nnext: npm run gen, and commit what it writes`);
  process.exitCode = 1;
}

function listFiles(folder: string): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => relative(folder, join(entry.parentPath, entry.name)));
}

function hasSameBytes(left: string, right: string): boolean {
  return existsSync(left) && existsSync(right) && readFileSync(left).equals(readFileSync(right));
}
