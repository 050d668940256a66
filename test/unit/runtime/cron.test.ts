import { describe, expect, it } from 'vitest';
import { findCronFault, findTimezoneFault, ticksAfter, ticksUntil } from '../../../src/workflow/cron.ts';

const at = (text: string): number => Date.parse(text);
const show = (ticks: readonly number[]): string[] => ticks.map((tick) => new Date(tick).toISOString().slice(0, 16));
const berlin = (cron: string, from: string, count: number): string[] =>
  show(ticksAfter({ cron, timezone: 'Europe/Berlin' }, at(from), count));

describe('when the clocks change, as croner has it', () => {
  // At 2026-03-29T01:00Z Berlin goes from 02:00 to 03:00, at 2026-10-25T01:00Z from 03:00 back to 02:00.
  it('a fixed time in the skipped hour ticks when the clocks go on', () => {
    const ticks = ['2026-03-28T01:30', '2026-03-29T01:00', '2026-03-30T00:30'];
    expect(berlin('30 2 * * *', '2026-03-28T00:00Z', 3)).toEqual(ticks);
  });

  it('a fixed time in the doubled hour ticks once, the first time', () => {
    const ticks = ['2026-10-24T00:30', '2026-10-25T00:30', '2026-10-26T01:30'];
    expect(berlin('30 2 * * *', '2026-10-24T00:00Z', 3)).toEqual(ticks);
  });

  it('every hour is every hour: none is left out, none comes twice', () => {
    const spring = ['2026-03-29T00:30', '2026-03-29T01:30', '2026-03-29T02:30'];
    expect(berlin('30 * * * *', '2026-03-29T00:00Z', 3)).toEqual(spring);
    const autumn = ['2026-10-25T00:30', '2026-10-25T01:30', '2026-10-25T02:30'];
    expect(berlin('30 * * * *', '2026-10-25T00:00Z', 3)).toEqual(autumn);
  });

  it('looks back as it looks forward, in every zone', () => {
    const zones = ['UTC', 'Europe/Berlin', 'America/New_York', 'Australia/Lord_Howe', 'America/Sao_Paulo'];
    const crons = ['30 2 * * *', '30 * * * *', '0 0 * * *', '5 1,2,3 * * *', '0 */6 * * 1-5', '*/7 2 * * *'];
    for (const timezone of zones)
      for (const cron of crons)
        for (const day of ['2026-03-07', '2026-03-28', '2026-04-04', '2026-10-03', '2026-10-24', '2026-10-31']) {
          const from = at(`${day}T00:00Z`);
          const until = from + 2 * 86_400_000;
          const forward = ticksAfter({ cron, timezone }, from, 50).filter((tick) => tick <= until);
          const back = ticksUntil({ cron, timezone }, until, 50).filter((tick) => tick > from);
          expect(back, `${cron} in ${timezone} from ${day}`).toEqual(forward);
        }
  });
});

it('a tick is after the time that is asked, and up to it', () => {
  const hourly = { cron: '0 * * * *', timezone: 'UTC' };
  expect(show(ticksAfter(hourly, at('2026-01-01T01:00Z'), 1))).toEqual(['2026-01-01T02:00']);
  expect(show(ticksUntil(hourly, at('2026-01-01T01:00Z'), 2))).toEqual(['2026-01-01T00:00', '2026-01-01T01:00']);
});

it('takes five fields, six with seconds, names and nicknames', () => {
  for (const cron of ['0 2 * * *', '*/10 * * * * *', '0 9 * * MON-FRI', '0 0 L * *', '@daily', ' 0 2 * * * '])
    expect(findCronFault(cron), cron).toBeUndefined();
});

it('says what is wrong with a cron', () => {
  const faults = [
    '',
    'daily',
    '61 * * * *',
    '* * * * * * *',
    '0 0 31 2 *',
    '2026-01-01T00:00:00',
    `0 ${'1,'.repeat(200)}1 * * *`,
  ];
  expect(faults.map((cron) => findCronFault(cron))).toEqual([
    expect.stringContaining('five fields'),
    expect.stringContaining('five fields'),
    'Invalid value for minute: 61',
    expect.stringContaining('five fields'),
    'it never ticks',
    expect.stringContaining('five fields'),
    'it has 409 characters, at most 256',
  ]);
});

it('knows the timezones of the IANA database, and what was meant', () => {
  for (const zone of ['UTC', 'Europe/Berlin', 'America/Argentina/Buenos_Aires', 'Etc/GMT+3'])
    expect(findTimezoneFault(zone), zone).toBeUndefined();
  expect(findTimezoneFault('Europe/Berln')).toBe('there is no timezone "Europe/Berln"; did you mean "Europe/Berlin"?');
  for (const zone of ['+02:00', 'Mars/Base', '', ' UTC']) expect(findTimezoneFault(zone), zone).toBeDefined();
});
