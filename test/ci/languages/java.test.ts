import { testAgent } from './scenarios.ts';

testAgent('java');
