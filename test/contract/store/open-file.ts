/** Another process that opens the store at argv[2]; prints the epoch, or the error, as one line of JSON. */
import { openSqliteStore } from '../../../src/control-plane/store/index.ts';
import { systemClock } from '../../../src/core/clock.ts';
import { toYardmasterError } from '../../../src/core/errors.ts';

const store = openSqliteStore({ file: process.argv[2] ?? '', inline: true, clock: systemClock });
try {
  const { epoch } = await store.open();
  await store.close();
  console.log(JSON.stringify({ epoch }));
} catch (error) {
  const { code, message, meta } = toYardmasterError(error);
  console.log(JSON.stringify({ code, message, meta }));
}
