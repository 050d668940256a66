/** The three sources of orders: a database file, an HTTP API with a key, encrypted files with a passphrase. */
import { createCipheriv, createDecipheriv, randomBytes, scryptSync } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { StepError } from 'yardmaster/agent-sdk';
import { z } from 'zod';
import { RawOrder } from './order.ts';

const Page = z.object({ orders: z.array(RawOrder), next: z.string().nullable() });

const SALT_BYTES = 16;
const NONCE_BYTES = 12;
const TAG_BYTES = 16;

export function readDatabase(path: string): readonly RawOrder[] {
  using database = new DatabaseSync(path, { readOnly: true });
  return database.prepare('SELECT number, currency, total FROM orders').all();
}

/** All pages. A key that is refused stays refused, so it is not tried again. */
export async function readApi(url: string, key: string, signal: AbortSignal): Promise<readonly RawOrder[]> {
  const orders: RawOrder[] = [];
  for (let next: string | null = '/orders'; next !== null; ) {
    const response: Response = await fetch(new URL(next, url), { headers: { authorization: `Bearer ${key}` }, signal });
    if (response.status === 401) throw new StepError('KEY_REFUSED', 'the API refuses the key', { retryable: false });
    if (!response.ok) throw new StepError('API_FAILED', `the API answered ${response.status}`);
    const page = Page.parse(await response.json());
    orders.push(...page.orders);
    next = page.next;
  }
  return orders;
}

/** Every `*.csv.enc` of a folder. */
export async function readFiles(folder: string, passphrase: string): Promise<readonly RawOrder[]> {
  const names = (await readdir(folder)).filter((name) => name.endsWith('.csv.enc')).sort();
  const orders: RawOrder[] = [];
  for (const name of names) orders.push(...parseCsv(decrypt(await readFile(join(folder, name)), passphrase, name)));
  return orders;
}

/** What a partner does before it puts a file there. */
export function encrypt(text: string, passphrase: string): Buffer {
  const salt = randomBytes(SALT_BYTES);
  const nonce = randomBytes(NONCE_BYTES);
  const cipher = createCipheriv('aes-256-gcm', scryptSync(passphrase, salt, 32), nonce);
  const body = Buffer.concat([cipher.update(text, 'utf8'), cipher.final()]);
  return Buffer.concat([salt, nonce, cipher.getAuthTag(), body]);
}

function decrypt(bytes: Buffer, passphrase: string, name: string): string {
  const salt = bytes.subarray(0, SALT_BYTES);
  const nonce = bytes.subarray(SALT_BYTES, SALT_BYTES + NONCE_BYTES);
  const tag = bytes.subarray(SALT_BYTES + NONCE_BYTES, SALT_BYTES + NONCE_BYTES + TAG_BYTES);
  const decipher = createDecipheriv('aes-256-gcm', scryptSync(passphrase, salt, 32), nonce).setAuthTag(tag);
  try {
    const body = decipher.update(bytes.subarray(SALT_BYTES + NONCE_BYTES + TAG_BYTES));
    return Buffer.concat([body, decipher.final()]).toString('utf8');
  } catch {
    throw new StepError('WRONG_PASSPHRASE', `the passphrase does not open ${name}`, { retryable: false });
  }
}

/** A head line, then values between semicolons. */
function parseCsv(text: string): readonly RawOrder[] {
  const [head = '', ...lines] = text.trim().split('\n');
  const names = head.split(';');
  return lines.map((line) => Object.fromEntries(line.split(';').map((value, i) => [names[i] ?? `column${i}`, value])));
}
