/** Values that are too large for a frame. */
import { encodeValue } from '../../core/value.ts';
import { resultsOf } from '../attempts.ts';
import { check } from '../breach.ts';
import type { Situation } from '../situation.ts';
import type { Stage } from '../stage.ts';

/** So small that a test need not be large. */
const RULES = { inlineValueBytesMax: 8_192, blobBytesMax: 300_000 };
const LARGE = { text: 'blob'.repeat(40_000) };

export const blobs: readonly Situation[] = [
  {
    name: 'blob-output',
    title: 'uploads an output that is too large for a frame',
    clauses: ['V-1', 'V-2', 'W-2'],
    rules: RULES,
    async play(stage) {
      const id = stage.assign('echo', LARGE);
      const { output } = await stage.ends(id, 'completed', { clauses: ['V-1'], withinMs: 5_000 });
      checkBlob(stage, output?.kind.case === 'blob' ? output.kind.value.blobId : undefined);
      const { header, problem } = stage.blobs.uploads[0] ?? {};
      check(problem === undefined, 'V-2', 'a header and parts', `${problem}`);
      check(header?.attemptId === id, 'V-2', `a header with ${id}`, `${header?.attemptId}`);
    },
  },
  {
    name: 'small-output',
    title: 'sends an output inline when it fits',
    clauses: ['V-1'],
    rules: RULES,
    async play(stage) {
      const { output } = await stage.ends(stage.assign('echo', { small: true }), 'completed');
      check(output?.kind.case === 'value', 'V-1', 'a value', `${output?.kind.case}`);
    },
  },
  {
    name: 'blob-input',
    title: 'downloads an input that is a reference',
    clauses: ['V-3'],
    rules: RULES,
    async play(stage) {
      const blob = stage.blobs.store(encodeValue(LARGE));
      const id = stage.assign('echo', undefined, { blob });
      const { output } = await stage.ends(id, 'completed', { clauses: ['V-3'], withinMs: 5_000 });
      checkBlob(stage, output?.kind.case === 'blob' ? output.kind.value.blobId : undefined);
    },
  },
  {
    name: 'blob-corrupt',
    title: 'does not work on an input whose SHA-256 does not fit',
    clauses: ['V-3'],
    rules: RULES,
    async play(stage) {
      const blob = { ...stage.blobs.store(encodeValue(LARGE)), sha256: new Uint8Array(32) };
      const id = stage.assign('echo', undefined, { blob });
      await stage.ends(id, 'failed', { clauses: ['V-3'], withinMs: 5_000 });
    },
  },
  {
    name: 'blob-too-large',
    title: 'fails with an output that no blob may hold, for good',
    clauses: ['V-4'],
    rules: RULES,
    async play(stage) {
      const id = stage.assign('echo', { text: 'x'.repeat(400_000) });
      const { code, retryable } = await stage.ends(id, 'failed', { clauses: ['V-4'], withinMs: 5_000 });
      check(code === 'LIMIT', 'V-4', 'code LIMIT', code);
      check(retryable === false, 'V-4', 'retryable false', `${retryable}`);
      check(resultsOf(stage.tape, id).length === 1, 'R-1', 'one result', 'several');
    },
  },
];

/** The bytes behind the reference are the value. */
function checkBlob({ blobs: desk }: Stage, blobId: string | undefined): void {
  check(blobId !== undefined, 'V-1', 'a reference to a blob', 'an inline value');
  const bytes = desk.bytesOf(blobId ?? '');
  check(bytes !== undefined, 'V-1', 'the reference that the upload answered', `${blobId}`);
  const isSame = Buffer.compare(bytes ?? new Uint8Array(0), encodeValue(LARGE)) === 0;
  check(isSame, 'V-1', 'the bytes of the value', `${bytes?.length} others`);
}
