import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { loadConfig } from '../../../src/control-plane/config/load-config.ts';
import { settingPaths, variableOf } from '../../../src/control-plane/config/settings.ts';
import { YardmasterError } from '../../../src/core/errors.ts';

const folder = mkdtempSync(join(tmpdir(), 'yardmaster-config-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function fileWith(text: string): string {
  const file = join(folder, `${Math.random()}.yaml`);
  writeFileSync(file, text);
  return file;
}

function problemsOf(load: () => unknown): readonly string[] {
  try {
    load();
  } catch (error) {
    if (error instanceof YardmasterError) return error.problems.map(({ message }) => message);
    throw error;
  }
  return [];
}

describe('the configuration', () => {
  it('has a default for everything', () => {
    expect(loadConfig()).toEqual({
      listen: {
        host: '127.0.0.1',
        port: 7420,
        allowNonLoopback: false,
        channelz: false,
        agentStreams: 20_000,
        agentStreamsPerAddress: 10_000,
      },
      store: { kind: 'sqlite', file: './yardmaster.db' },
      retention: 14 * 86_400_000,
      lossWindow: 30_000,
      beatInterval: 5_000,
      stopGrace: 3_000,
      goAwayAddresses: [],
      stuck: { idle: 60_000, noAgent: 600_000, overdueFactor: 3, overdue: 60_000 },
      alerts: {
        url: '',
        secret: '',
        repeatAfter: 300_000,
        runFailed: 'error',
        runTimedOut: 'error',
        stuck: 'warning',
        agentLost: 'warning',
        storeFailing: 'critical',
        storeMended: 'info',
      },
      secrets: { provider: 'env', prefix: 'YARDMASTER_SECRET_', folder: './secrets' },
      log: { level: 'info' },
    });
  });

  it('takes addresses as a list in a file and with commas in a variable', () => {
    const expected = { goAwayAddresses: ['b.example:7420', '[fd00::3]:7420'] };
    const file = fileWith('goAwayAddresses: ["b.example:7420", "[fd00::3]:7420"]\n');
    expect(loadConfig({ file })).toMatchObject(expected);
    const env = { YARDMASTER_GO_AWAY_ADDRESSES: 'b.example:7420, [fd00::3]:7420' };
    expect(loadConfig({ env })).toMatchObject(expected);
  });

  it.each(['b.example', 'http://b.example:7420', 'unix:/tmp/x', 'b.example:0', 'b.example:65536'])(
    'refuses %s as an address, and says what one looks like',
    (address) => {
      const env = { YARDMASTER_GO_AWAY_ADDRESSES: `a.example:1,${address}` };
      expect(problemsOf(() => loadConfig({ env }))).toEqual([
        '"goAwayAddresses" in YARDMASTER_GO_AWAY_ADDRESSES must be host:port each, such as 10.0.0.2:7420 or [fd00::2]:7420',
      ]);
    },
  );

  it('takes flags over environment over file over defaults', () => {
    const file = fileWith('listen: { port: 1, host: 0.0.0.0 }\nlossWindow: 1m\nlog: { level: debug }\n');
    const env = { YARDMASTER_LISTEN_PORT: '2', YARDMASTER_LOG_LEVEL: 'warn', PATH: '/bin' };
    const config = loadConfig({ file, env, flags: { 'listen.port': 3, 'store.file': undefined } });
    expect(config).toMatchObject({ listen: { port: 3, host: '0.0.0.0' }, lossWindow: 60_000, log: { level: 'warn' } });
  });

  it('finds its file by the environment', () => {
    expect(loadConfig({ env: { YARDMASTER_CONFIG: fileWith('retention: 2d\n') } }).retention).toBe(2 * 86_400_000);
  });

  it('leaves alone what clients read from the environment', () => {
    const env = { YARDMASTER_URL: 'http://127.0.0.1:1', YARDMASTER_ACTOR: 'ada' };
    expect(loadConfig({ env })).toEqual(loadConfig());
  });

  it('leaves alone variables that are secrets, under the prefix that the environment or the file names', () => {
    const file = fileWith('secrets: { prefix: YARDMASTER_MY_ }\n');
    expect(loadConfig({ env: { YARDMASTER_SECRET_DB: 'x' } })).toEqual(loadConfig());
    expect(loadConfig({ file, env: { YARDMASTER_MY_DB: 'x' } }).secrets.prefix).toBe('YARDMASTER_MY_');
    expect(loadConfig({ env: { YARDMASTER_SECRETS_PREFIX: 'APP_', APP_DB: 'x' } }).secrets.prefix).toBe('APP_');
    const problems = problemsOf(() => loadConfig({ file, env: { YARDMASTER_SECRET_DB: 'hunter2' } }));
    expect(problems).toEqual([expect.stringContaining('"YARDMASTER_SECRET_DB" in the environment is not a setting')]);
    expect(problemsOf(() => loadConfig({ env: { YARDMASTER_SECRETS_PREFIX: 'A-' } }))[0]).toContain('letters, digits');
  });

  it('is frozen to its leaves', () => {
    const config = loadConfig();
    expect(() => Object.assign(config.listen, { port: 1 })).toThrow(TypeError);
  });

  it('refuses unknown keys everywhere, all at once, and says what was meant', () => {
    const file = fileWith('lossWindo: 30s\nlisten: { prt: 1 }\n');
    const problems = problemsOf(() =>
      loadConfig({ file, env: { YARDMASTER_LISTEN_PROT: '1' }, flags: { 'log.lvl': 'info' } }),
    );
    expect(problems).toHaveLength(4);
    expect(problems.join('\n')).toContain('did you mean "lossWindow"?');
    expect(problems.join('\n')).toContain('did you mean "YARDMASTER_LISTEN_PORT"?');
    expect(problems.join('\n')).toContain('"listen.prt"');
  });

  it('names the source of a value that cannot be used', () => {
    const env = { YARDMASTER_LISTEN_PORT: '70000', YARDMASTER_LOSS_WINDOW: 'soon', YARDMASTER_BEAT_INTERVAL: '1ms' };
    const problems = problemsOf(() => loadConfig({ env }));
    expect(problems).toHaveLength(3);
    expect(problems.join('\n')).toMatch(/"listen.port" in YARDMASTER_LISTEN_PORT/);
    expect(problems.join('\n')).toMatch(/"lossWindow" in YARDMASTER_LOSS_WINDOW must be a duration, .* not "soon"/);
  });

  it('names the flag as it is typed', () => {
    expect(problemsOf(() => loadConfig({ flags: { 'log.level': 'loud' } }))).toEqual([
      '"log.level" in --log-level must be one of debug, info, warn, error, silent',
    ]);
  });

  it('reads no port out of an empty variable, and no stop longer than service managers wait', () => {
    const problems = problemsOf(() =>
      loadConfig({ env: { YARDMASTER_LISTEN_PORT: '' }, file: fileWith('stopGrace: 2m\n') }),
    );
    expect(problems.join('\n')).toMatch(/"listen.port".*must be a whole number\n"stopGrace".*at most 1m/);
  });

  it('says each of several problems once', () => {
    const load = () => loadConfig({ file: fileWith('lisen: 1\nlog: { level: loud }\n') });
    expect(problemsOf(load)).toHaveLength(2);
    expect(load).toThrow(/^Cannot read the configuration: 2 problems$/);
  });

  it('refuses a group that is not one, and a file that is no YAML or is not there', () => {
    expect(problemsOf(() => loadConfig({ file: fileWith('listen: 7420\n') }))).toHaveLength(1);
    expect(problemsOf(() => loadConfig({ file: fileWith('a: [1\n') }))).toHaveLength(1);
    expect(problemsOf(() => loadConfig({ file: fileWith('just text\n') }))).toHaveLength(1);
    expect(problemsOf(() => loadConfig({ file: join(folder, 'nowhere.yaml') }))).toHaveLength(1);
  });

  it('has a variable of its own for every setting', () => {
    const variables = settingPaths.map(variableOf);
    expect(new Set(variables).size).toBe(settingPaths.length);
    expect(variables).toContain('YARDMASTER_LISTEN_ALLOW_NON_LOOPBACK');
  });
});
