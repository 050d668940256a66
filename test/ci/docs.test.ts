/** The documents with blocks that need what `.ci/run` installs. All of their blocks run, as the later ones build on the earlier. */
import { needsOnlyNpm, testDocuments } from '../docs/document-tests.ts';
import { readDocumentation } from '../docs/read-blocks.ts';
import { root } from '../docs/shell.ts';

const { blocks } = readDocumentation(root);
const documents = new Set(blocks.filter((block) => !needsOnlyNpm(block)).map(({ document }) => document));

testDocuments(blocks.filter(({ document }) => documents.has(document)));
