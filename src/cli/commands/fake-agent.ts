/** `agents fake`: an agent that does what flags or a script say, until Ctrl-C. */
import type { Command } from 'commander';
import type { FakeScript } from '../../fake-agent/index.ts';
import { type Context, say } from '../context.ts';
import { exitCodes } from '../exit-codes.ts';
import { collect, readCount, readDuration, readPairs, usageError } from '../options.ts';
import { readText } from '../read-workflow-file.ts';
import { safe } from '../render/text.ts';
import type { Bind } from './group.ts';

interface Flags {
  readonly script?: string;
  readonly id?: string;
  readonly slots?: number;
  readonly reply: readonly string[];
  readonly fail: readonly string[];
  readonly delay?: number;
  readonly flood?: number;
  readonly cutEvery?: number;
}

export function addFakeCommand(agents: Command, bind: Bind): void {
  agents
    .command('fake [capabilities...]')
    .description('be an agent that answers as it is told, for trying a control plane or a workflow out')
    .option('--script <file>', 'YAML: answers by capability; instead of the flags below')
    .option('--id <agent>', 'its agent id; default fake')
    .option('--slots <count>', 'attempts at once; default 8', readCount)
    .option('--reply <capability=json>', 'what to answer; default: the input. May be repeated', collect, [])
    .option('--fail <capability=CODE>', 'fail with this code. May be repeated', collect, [])
    .option('--delay <duration>', 'before each answer', readDuration)
    .option('--flood <lines>', 'lines of log with each attempt', readCount)
    .option('--cut-every <duration>', 'lose the connection so often, for a second', readDuration)
    .addHelpText('after', '\nScripts: docs/howto/fake-an-agent.md')
    .action(bind(fake));
}

const AWAY_MS = 1_000;

async function fake(context: Context, capabilities: readonly string[], flags: Flags): Promise<number> {
  // Loaded here: no other command needs the agents' side.
  const { checkScript, createFakeAgent, readScript } = await import('../../fake-agent/index.ts');
  const { script: file } = flags;
  const script =
    file === undefined
      ? checkScript(scriptOf(capabilities, flags), 'the flags')
      : { ...readScript(await readText(context, file), file), ...identityOf(flags) };
  const tell = (line: string): void => say(context, safe(line));
  const crash = (): void => void process.kill(process.pid, 'SIGKILL');
  const { agent, cut } = createFakeAgent({ script, url: context.url, crash, tell });
  await agent.start();
  say(context, `agent ${safe(script.id)} offers ${Object.keys(script.capabilities).join(', ')} at ${context.url}`);
  const timer = flags.cutEvery === undefined ? undefined : setInterval(() => cut(AWAY_MS), flags.cutEvery);
  const leave = (reason: string): void => void agent.stop({ graceMs: 0, reason });
  const stopListening = context.terminal.onInterrupt(() => leave('SIGINT'));
  process.once('SIGTERM', leave);
  const reason = await agent.ended;
  stopListening();
  process.off('SIGTERM', leave);
  clearInterval(timer);
  say(context, `agent ${safe(script.id)} has left: ${safe(reason)}`);
  return exitCodes.ok;
}

function scriptOf(names: readonly string[], flags: Flags) {
  const { delay, flood } = flags;
  const replies = readPairs(flags.reply);
  const failures = readPairs(flags.fail);
  const all = [...new Set([...names, ...Object.keys(replies), ...Object.keys(failures)])];
  if (all.length === 0) {
    throw usageError('Cannot fake an agent: it offers nothing', 'yardmaster agents fake CAPABILITY...');
  }
  const capabilities = all.map((name) => {
    const reply = replies[name];
    const code = failures[name];
    const answer = {
      ...(delay === undefined ? {} : { after: delay }),
      ...(flood === undefined ? {} : { flood }),
      ...(reply === undefined ? {} : { reply: readJson(reply) }),
      ...(code === undefined ? {} : { fail: { code } }),
    };
    return [name, { answers: [answer] }] as const;
  });
  return { ...identityOf(flags), capabilities: Object.fromEntries(capabilities) };
}

function identityOf({ id, slots }: Flags): Partial<Pick<FakeScript, 'id' | 'slots'>> {
  return { ...(id === undefined ? {} : { id }), ...(slots === undefined ? {} : { slots }) };
}

function readJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw usageError(`Cannot read the reply "${text}": it is not JSON`);
  }
}
