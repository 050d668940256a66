/** Known-bad variants of the schedules; see planted-bugs.ts. */
import { ScheduleTicker } from '../../../src/control-plane/runtime/schedule-ticker.ts';
import { type StartExtras, Starts } from '../../../src/control-plane/runtime/starts.ts';
import type { SimSettings } from '../settings.ts';

const options = {
  adjust: (settings: SimSettings): SimSettings => ({ ...settings, schedules: 2 }),
};

export const scheduleBugs = [
  {
    name: 'place of a tick not stored with its run',
    seedsMax: 10,
    plant: () => {
      const { start } = Starts.prototype;
      Starts.prototype.start = function (request, { audit }: StartExtras = {}) {
        return start.call(this, request, audit === undefined ? {} : { audit });
      };
      const remove = (): void => {
        Starts.prototype.start = start;
      };
      return { options, remove };
    },
  },
  {
    name: 'tick that does not look at the last run',
    seedsMax: 30,
    plant: () => {
      // A substitution is not bound by what is private.
      const methods = ScheduleTicker.prototype as unknown as { isBlocked: () => Promise<boolean> };
      const { isBlocked } = methods;
      methods.isBlocked = () => Promise.resolve(false);
      const remove = (): void => {
        methods.isBlocked = isBlocked;
      };
      return { options, remove };
    },
  },
];
