import { testAgent } from './scenarios.ts';

testAgent('go');
