import { testAgent } from './scenarios.ts';

testAgent('python');
