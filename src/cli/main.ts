/** The entry of the `yardmaster` command. bin/yardmaster.cjs has checked that this Node can run it. */
import { readFileSync } from 'node:fs';
import { runCli } from './program.ts';
import { processTerminal } from './terminal.ts';

function readVersion(): string {
  const text = readFileSync(new URL('../../package.json', import.meta.url), 'utf8');
  const { version }: { readonly version?: unknown } = JSON.parse(text);
  return typeof version === 'string' ? version : 'unknown';
}

// `yardmaster runs list | head` ends the pipe early: that is no failure.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error;
  process.exit();
});

process.exitCode = await runCli(process.argv.slice(2), { terminal: processTerminal, version: readVersion() });
