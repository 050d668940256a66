/** Steps that compute for a while, and who worked at them. */
import type { RunEvent } from '../../../src/client/index.ts';
import type { Language } from './languages.ts';

/** So many rounds take longer than a kill does; the digests of "yardmaster" after them were computed by another program. */
export const LONG_DIGESTS: Readonly<Record<Language, readonly [rounds: number, sha256: string]>> = {
  python: [500_000, '51945506d2cadb6b4c7e9cb87cab3e938ced920f0be943e428799df09efb39bf'],
  go: [3_000_000, '1ecc40d609cc0e666e905ed507d70742bb92cebe486f8da4a69d05f8054ddb20'],
  java: [3_000_000, '1ecc40d609cc0e666e905ed507d70742bb92cebe486f8da4a69d05f8054ddb20'],
  // Built without optimization.
  rust: [1_000_000, '2f24d1d609d3eefc020f551cbf4f2f979341795fb66403e5b232339db999876c'],
};

export function digestStep(id: string, language: Language) {
  const [rounds] = LONG_DIGESTS[language];
  return { id, action: 'digest', agentId: `example-${language}`, parameters: { text: 'yardmaster', rounds } };
}

export function instancesOf(events: readonly RunEvent[]): readonly (string | undefined)[] {
  return events.filter((event) => event.type === 'attemptStarted').map(({ instance }) => instance);
}
