/** What a fake agent does: read from YAML, every problem at once. */
import { parse } from 'yaml';
import { z } from 'zod';
import { parseDuration } from '../core/duration.ts';
import { YardmasterError } from '../core/errors.ts';
import { NAME_PATTERN } from '../core/ids.ts';
import { limits } from '../core/limits.ts';

/** Lines of log of one answer: more is no test of a control plane, but of this process. */
const FLOOD_MAX = 1_000_000;
const STEPS_MAX = 10_000;

const Name = z.string().regex(NAME_PATTERN, 'is not 1 to 128 of letters, digits, "_", ".", ":" and "-"');

const Duration = z.union([z.string(), z.number()]).transform((value, ctx) => {
  const ms = typeof value === 'number' ? value : parseDuration(value);
  if (ms !== undefined && ms >= 0) return ms;
  ctx.addIssue({ code: 'custom', message: `"${value}" is not like 500ms, 30s, 5m or 1h` });
  return z.NEVER;
});

const Failure = z.strictObject({
  code: z.string().min(1),
  message: z.string().optional(),
  retryable: z.boolean().optional(),
  retryAfter: Duration.optional(),
  avoidThisAgent: z.boolean().optional(),
});

/** One attempt: what happens on the way, in this order, and how it ends. */
const Answer = z
  .strictObject({
    after: Duration.optional(),
    /** Reports of progress, spread over `after`. */
    progress: z.int().min(1).max(STEPS_MAX).optional(),
    checkpoint: z.json().optional(),
    /** Lines of log, all at once. */
    flood: z.int().min(1).max(FLOOD_MAX).optional(),
    /** The connection is lost for so long. */
    cut: Duration.optional(),
    reply: z.json().optional(),
    fail: Failure.optional(),
    handBack: z.string().optional(),
    silent: z.literal(true).optional(),
    crash: z.literal(true).optional(),
  })
  .refine((answer) => ENDS.filter((end) => answer[end] !== undefined).length <= 1, {
    message: 'has more than one of reply, fail, handBack, silent and crash',
  });

const ENDS = ['reply', 'fail', 'handBack', 'silent', 'crash'] as const;

const Offered = z.strictObject({
  version: z.string().optional(),
  description: z.string().optional(),
  idempotent: z.boolean().optional(),
  /** In turn; the last one is for all that follow. Empty: the input is given back. */
  answers: z.array(Answer).default([]),
});

const Script = z.strictObject({
  id: Name.default('fake'),
  slots: z.int().min(1).max(limits.slotsMax).default(8),
  capabilities: z
    .record(
      Name,
      Offered.nullable().transform((offered) => offered ?? { answers: [] }),
    )
    .refine((capabilities) => Object.keys(capabilities).length > 0, 'names no capability'),
});

export type FakeScript = z.infer<typeof Script>;
export type FakeAnswer = z.infer<typeof Answer>;

/** Throws AGENT_INVALID with every problem. */
export function readScript(text: string, file: string): FakeScript {
  let document: unknown;
  try {
    document = parse(text, { maxAliasCount: limits.yamlAliasesMax });
  } catch (error) {
    throw invalid(file, [{ path: [], message: error instanceof Error ? error.message : String(error) }]);
  }
  return checkScript(document, file);
}

/** A script that was put together from flags, or read. */
export function checkScript(document: unknown, name: string): FakeScript {
  const read = Script.safeParse(document);
  if (read.success) return read.data;
  throw invalid(name, read.error.issues);
}

function invalid(
  file: string,
  issues: readonly { readonly path: readonly PropertyKey[]; readonly message: string }[],
): YardmasterError {
  const problems = issues.map(({ path, message }) => {
    const pointer = path.map(String).join('.');
    return {
      code: 'AGENT_INVALID',
      message: `${pointer === '' ? 'the script' : pointer}: ${message}`,
      place: { pointer },
    };
  });
  const facts = problems.map(({ message }) => message).join('; ');
  return new YardmasterError('AGENT_INVALID', `Cannot fake an agent by "${file}": ${facts}`, {
    problems,
    next: 'see docs/howto/fake-an-agent.md',
  });
}
