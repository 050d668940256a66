/** Opens the pages of a real demo in Chromium, without a network, in light and in dark. Screenshots stay in .tmp/. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { type Browser, chromium, type Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { DemoResult } from '../../src/demo/result.ts';

const CLI = fileURLToPath(new URL('../../src/cli/main.ts', import.meta.url));
const SHOTS = fileURLToPath(new URL('../../.tmp/screenshots/', import.meta.url));
const CHROMIUM = process.env.CHROMIUM ?? '/usr/bin/chromium';
/** Share of a chart's pixels that must have colour: a frame with axes alone has less. */
const INK_MIN = 0.02;

let browser: Browser;
let result: DemoResult;

beforeAll(async () => {
  const child = spawn(process.execPath, ['--conditions=source', CLI, 'demo', '--json'], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const exited = once(child, 'exit');
  result = JSON.parse(await text(child.stdout));
  expect(await exited).toEqual([0, null]);
  mkdirSync(SHOTS, { recursive: true });
  const args = ['--no-sandbox', '--disable-dev-shm-usage', '--disable-gpu', '--disable-background-networking'];
  browser = await chromium.launch({ executablePath: CHROMIUM, args });
});
afterAll(() => browser?.close());

interface Opened {
  readonly page: Page;
  readonly errors: readonly string[];
}

async function open(path: string, colorScheme: 'light' | 'dark'): Promise<Opened> {
  const context = await browser.newContext({ viewport: { width: 1280, height: 900 }, colorScheme, offline: true });
  const page = await context.newPage();
  const errors: string[] = [];
  page.on('console', (message) => {
    if (message.type() === 'error' || message.type() === 'warning') errors.push(message.text());
  });
  page.on('pageerror', (error) => errors.push(error.message));
  page.on('request', (request) => {
    if (!/^(?:file|data):/.test(request.url())) errors.push(`asked for ${request.url()}`);
  });
  await page.goto(pathToFileURL(path).href);
  return { page, errors };
}

/** Of each canvas: the share of pixels that are not transparent. */
function readInk(page: Page): Promise<readonly number[]> {
  // Text, because this runs in the browser, whose types are not ours.
  return page.evaluate(`[...document.querySelectorAll('canvas')].map((canvas) => {
    const { data } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
    let inked = 0;
    for (let i = 3; i < data.length; i += 4) if (data[i] > 0) inked += 1;
    return inked / (data.length / 4);
  })`);
}

describe.each(['light', 'dark'] as const)('in %s', (scheme) => {
  test.each([
    ['report', 0, 5],
    ['dashboard', 1, 1],
  ])('the %s draws all its charts and has no errors', async (name, index, charts) => {
    const { page, errors } = await open(result.artifacts[index] ?? '', scheme);
    const ink = await readInk(page);
    await page.screenshot({ path: join(SHOTS, `${name}-${scheme}.png`), fullPage: true });
    expect(ink).toHaveLength(charts);
    expect(Math.min(...ink)).toBeGreaterThan(INK_MIN);
    expect(await page.locator('.tiles strong').first().textContent()).toBe('9,976');
    expect(await page.evaluate('document.documentElement.scrollWidth <= innerWidth')).toBe(true);
    expect(errors).toEqual([]);
    await page.close();
  });
});

test('the map shows every airport with strikes', async () => {
  const { page } = await open(result.artifacts[0] ?? '', 'light');
  expect(await page.locator('.map circle').count()).toBe(50);
  await page.close();
});

test('the report fits a phone', async () => {
  const { page, errors } = await open(result.artifacts[0] ?? '', 'light');
  await page.setViewportSize({ width: 390, height: 844 });
  await expect.poll(() => page.evaluate('document.documentElement.scrollWidth <= innerWidth')).toBe(true);
  await page.screenshot({ path: join(SHOTS, 'report-phone.png') });
  expect(errors).toEqual([]);
  await page.close();
});
