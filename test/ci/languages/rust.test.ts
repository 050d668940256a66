import { testAgent } from './scenarios.ts';

testAgent('rust');
