import type { Command } from 'commander';
import { type AuditFilter, collectPages, toAuditEntry, writeAuditFilter } from '../../client/index.ts';
import { limits } from '../../core/limits.ts';
import { type Context, listOptions } from '../context.ts';
import { exitCodes } from '../exit-codes.ts';
import { readCount, readMoment, usageError } from '../options.ts';
import { printList } from '../print.ts';
import { renderAudit } from '../render/lists.ts';
import { resolveRun } from '../run-reference.ts';
import type { Bind } from './group.ts';

export function addAuditCommand(program: Command, bind: Bind): void {
  program
    .command('audit')
    .description('who registered, started and cancelled what, newest first; refused calls too')
    .option('--action <action>', 'only this, such as run.cancel')
    .option('--actor <name>', 'only by this actor; anonymous: by callers without a name')
    .option('--run <run>', 'only about this run: an id, the end of one, @last, @failed or @waiting')
    .option('--workflow <name>', 'only about this workflow and its runs')
    .option('--since <when>', 'a duration back from now, such as 1h, or a time such as 2026-11-24T12:00:00Z')
    .option('--until <when>', 'the same; default: now')
    .option('--limit <n>', 'at most this many', readCount, limits.pageSizeDefault)
    .action(bind(listAudit));
}

interface AuditFlags {
  readonly action?: string;
  readonly actor?: string;
  readonly run?: string;
  readonly workflow?: string;
  readonly since?: string;
  readonly until?: string;
  readonly limit: number;
}

async function listAudit(context: Context, flags: AuditFlags): Promise<number> {
  const filter = writeAuditFilter(await readFilter(context, flags));
  const messages = await collectPages(flags.limit, async (page) => {
    const { entries, nextPageToken } = await context.api().audit.listAuditEntries({ ...filter, ...page });
    return { items: entries, nextPageToken };
  });
  printList(context, {
    key: 'entries',
    messages,
    nameOf: ({ entryId }) => entryId,
    text: () => renderAudit(messages.map(toAuditEntry), listOptions(context)),
    empty: 'no entry fits. next: yardmaster audit, without filters',
  });
  return exitCodes.ok;
}

async function readFilter(context: Context, flags: AuditFlags): Promise<AuditFilter> {
  const { action, actor, run, workflow, since, until } = flags;
  if (run !== undefined && workflow !== undefined) {
    throw usageError('Cannot list entries by run and by workflow: a run is of one workflow', 'leave one of them out');
  }
  const now = context.terminal.now();
  const times = {
    ...(since === undefined ? {} : { since: readMoment(since, now) }),
    ...(until === undefined ? {} : { until: readMoment(until, now) }),
  };
  const subject = run === undefined ? workflow : await resolveRun(context.api(), run);
  return {
    ...(action === undefined ? {} : { action }),
    ...(actor === undefined ? {} : { actor }),
    ...(subject === undefined ? {} : { subject }),
    ...times,
  };
}
