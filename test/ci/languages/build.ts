/** Builds the example agents once before the tests of them, which run at the same time. */
import { build, LANGUAGES } from './languages.ts';

export function setup(): void {
  for (const language of LANGUAGES) build(language);
}
