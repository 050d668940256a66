/** Every code block of the documentation does what it says. The front page is here only if it needs what `.ci/run` installs. */
import { FRONT_PAGE, needsOnlyNpm, testDocuments } from '../docs/document-tests.ts';
import { readDocumentation } from '../docs/read-blocks.ts';
import { root } from '../docs/shell.ts';

const { blocks } = readDocumentation(root);
const needMore = new Set(blocks.filter((block) => !needsOnlyNpm(block)).map(({ document }) => document));

testDocuments(blocks.filter(({ document }) => document !== FRONT_PAGE || needMore.has(document)));
