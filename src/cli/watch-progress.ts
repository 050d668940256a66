/** A run on the screen while it goes on: redrawn in place on a terminal, one line per change elsewhere. */
import type { Orchestrator, RunChange, RunView } from '../client/index.ts';
import { estimateEta, isTerminalRun } from '../client/index.ts';
import type { Context } from './context.ts';
import { renderFrame } from './render/progress-frame.ts';
import { renderChange, renderNow, renderStill } from './render/progress-line.ts';
import { type Reasons, watchReasons } from './wait-reasons.ts';

/** Four times a second: calm, and a stopwatch still moves. */
const REDRAW_MS = 250;
const SILENCE_MS = 30_000;

export interface Picture {
  readonly dependencies: ReadonlyMap<string, readonly string[]>;
}

interface Screen {
  show(change: RunChange): void;
  end(): void;
}

/** Follows the run to its end and answers with its last picture. Throws when `signal` aborts. */
export async function watchProgress(
  context: Context,
  runId: string,
  picture: Picture,
  signal: AbortSignal,
): Promise<RunView> {
  const mesh = context.mesh();
  const screen = openScreen(context, mesh, picture, signal);
  let last: RunView | undefined;
  try {
    for await (const change of mesh.trackRun(runId, signal)) {
      last = change.run;
      screen.show(change);
    }
  } finally {
    screen.end();
  }
  return last ?? mesh.getRun(runId);
}

function openScreen(context: Context, mesh: Orchestrator, picture: Picture, signal: AbortSignal): Screen {
  switch (context.progress) {
    case 'tty':
      return openMovingScreen(context, picture, watchReasons(mesh, signal));
    case 'plain':
      return openPlainScreen(context);
    case 'none':
      return { show: () => undefined, end: () => undefined };
  }
}

function openMovingScreen({ terminal, errStyle }: Context, picture: Picture, reasons: Reasons): Screen {
  let run: RunView | undefined;
  let drawn = 0;
  const draw = (): void => {
    if (run === undefined) return;
    reasons.look(run);
    const nowMs = terminal.now();
    const etaMs = estimateEta(run, nowMs);
    const lines = renderFrame(run, {
      nowMs,
      style: errStyle,
      ...terminal.size(),
      etaMs,
      dependencies: picture.dependencies,
      reasons: reasons.now(),
    });
    // Up to the first line of the old picture, clear to the end, draw the new one: one write, no flicker.
    const up = drawn === 0 ? '' : `\u001b[${drawn}A\r`;
    terminal.err(`${up}\u001b[J${lines.join('\n')}\n`);
    drawn = lines.length;
  };
  const timer = setInterval(draw, REDRAW_MS);
  return {
    show(change) {
      run = change.run;
    },
    end() {
      clearInterval(timer);
      draw();
    },
  };
}

function openPlainScreen({ terminal }: Context): Screen {
  let run: RunView | undefined;
  const still = (): void => {
    if (run !== undefined && !isTerminalRun(run.status)) terminal.err(`${renderStill(run, terminal.now())}\n`);
  };
  let timer = setInterval(still, SILENCE_MS);
  return {
    show(change) {
      run = change.run;
      const { event } = change;
      const line = event === undefined ? renderNow(change.run, terminal.now()) : renderChange(change.run, event);
      if (line === undefined) return;
      terminal.err(`${line}\n`);
      clearInterval(timer);
      timer = setInterval(still, SILENCE_MS);
    },
    end: () => clearInterval(timer),
  };
}
