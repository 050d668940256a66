/** The entry of the `yardmaster` command. bin/yardmaster.cjs has checked that this Node can run it. */
import { VERSION } from '../core/version.ts';
import { runCli } from './program.ts';
import { processTerminal } from './terminal.ts';

// `yardmaster runs list | head` ends the pipe early: that is no failure.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error;
  process.exit();
});

process.exitCode = await runCli(process.argv.slice(2), { terminal: processTerminal, version: VERSION });
