/** Every situation, in the order of the protocol's page. */
import type { Situation } from '../situation.ts';
import { beats } from './beats.ts';
import { blobs } from './blobs.ts';
import { handshake } from './handshake.ts';
import { leaving } from './leaving.ts';
import { moves } from './moves.ts';
import { output } from './output.ts';
import { results } from './results.ts';
import { returns } from './returns.ts';
import { stops } from './stops.ts';
import { verdicts } from './verdicts.ts';
import { wire } from './wire.ts';
import { work } from './work.ts';

export const situations: readonly Situation[] = [
  ...handshake,
  ...verdicts,
  ...beats,
  ...work,
  ...results,
  ...output,
  ...stops,
  ...returns,
  ...moves,
  ...leaving,
  ...wire,
  ...blobs,
];
