/** Outcomes as JUnit XML, which every CI reads. Pure. */
import type { Outcome } from './play.ts';

export function writeJunit(outcomes: readonly Outcome[]): string {
  const count = (verdict: Outcome['verdict']): number =>
    outcomes.filter((outcome) => outcome.verdict === verdict).length;
  const seconds = outcomes.reduce((sum, { durationMs }) => sum + durationMs, 0) / 1_000;
  const head = `tests="${outcomes.length}" failures="${count('fail')}" skipped="${count('unsupported')}"`;
  return [
    '<?xml version="1.0" encoding="UTF-8"?>',
    `<testsuite name="yardmaster agents check" ${head} time="${seconds.toFixed(3)}">`,
    ...outcomes.map(testcase),
    '</testsuite>',
    '',
  ].join('\n');
}

function testcase(outcome: Outcome): string {
  const { name, title, clauses, durationMs } = outcome;
  const time = (durationMs / 1_000).toFixed(3);
  const open = `  <testcase classname="${escapeXml(clauses.join(' '))}" name="${escapeXml(`${name}: ${title}`)}" time="${time}"`;
  switch (outcome.verdict) {
    case 'pass':
      return `${open}/>`;
    case 'unsupported':
      return `${open}><skipped message="${escapeXml(outcome.fact)}"/></testcase>`;
    case 'fail': {
      const { broken, expected, came, frames, output } = outcome;
      const message = `${broken.join(', ')}: expected ${expected}; came ${came}`;
      const text = [...frames, ...output].join('\n');
      return `${open}><failure message="${escapeXml(message)}">${escapeXml(text)}</failure></testcase>`;
    }
  }
}

const NAMES: Readonly<Record<string, string>> = { '<': '&lt;', '>': '&gt;', '&': '&amp;', '"': '&quot;' };

/** What XML 1.0 cannot hold is dropped. */
function escapeXml(text: string): string {
  const kept = [...text].filter((char) => char >= ' ' || char === '\n' || char === '\t').join('');
  return kept.replace(/[<>&"]/g, (char) => NAMES[char] ?? char);
}
