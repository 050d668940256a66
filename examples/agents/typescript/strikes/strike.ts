/** One reported collision of an aircraft with an animal, and one airport: cleaned and typed. */
import { z } from 'zod';

export const Strike = z.object({
  /** As the FAA writes it. */
  airport: z.string().min(1),
  aircraft: z.string(),
  damage: z.string(),
  /** YYYY-MM-DD */
  date: z.iso.date(),
  operator: z.string(),
  state: z.string(),
  phase: z.string(),
  size: z.string(),
  /** `unknown`, or a species in lower case. */
  species: z.string(),
  time: z.string(),
  /** US dollars. */
  cost: z.number().nonnegative(),
  /** Knots, indicated; null: not reported. */
  speed: z.number().nonnegative().nullable(),
});
export type Strike = z.infer<typeof Strike>;

export const Airport = z.object({
  iata: z.string().min(1),
  name: z.string(),
  city: z.string(),
  state: z.string(),
  latitude: z.number().min(-90).max(90),
  longitude: z.number().min(-180).max(180),
});
export type Airport = z.infer<typeof Airport>;
