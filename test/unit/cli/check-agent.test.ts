import { expect, test } from 'vitest';
import { runCommand } from './capture.ts';

test('agents check --list says what would be played, and about which clauses', async () => {
  const { code, out } = await runCommand(['agents', 'check', '--list', '--only', 'A-5']);
  expect(code).toBe(0);
  expect(out).toBe(
    'SITUATION             CLAUSES  AN AGENT\n' +
      'assigned-again-later  A-5      starts nothing when the assignment of a settled attempt comes again\n',
  );
});

test('agents check without a command, or with a name that nobody has, is usage', async () => {
  expect(await runCommand(['agents', 'check'])).toMatchObject({
    code: 2,
    err: expect.stringContaining('-- COMMAND...'),
  });
  const { code, err } = await runCommand(['agents', 'check', '--only', 'stpo', '--', 'true']);
  expect(code).toBe(2);
  expect(err).toContain('did you mean "stop"?');
});

test('agents check says what fails: expected, came, clauses and the last words of the agent', async () => {
  const script = 'console.log("no agent at all")';
  const { code, out, err } = await runCommand([
    'agents',
    'check',
    '--only',
    'echo',
    '--',
    process.execPath,
    '-e',
    script,
  ]);
  expect(code).toBe(1);
  expect(out).toMatch(/^RESULT {2}SITUATION {2}CLAUSES {2}TIME +AN AGENT\nFAIL {4}echo {7}U-1 R-1 /);
  expect(out).toContain(
    'broken    H-1 of docs/protocol.md\n  expected  a Hello on stream 1\n  came      the end of its process with code 0',
  );
  expect(out).toContain('no agent at all');
  expect(err).toContain('1 situation: 0 passed, 1 failed');
});

test('agents fake without a capability is usage', async () => {
  expect(await runCommand(['agents', 'fake'])).toMatchObject({
    code: 2,
    err: expect.stringContaining('it offers nothing'),
  });
});
