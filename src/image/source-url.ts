import { DenseError, fail, messageOf, throwIfAborted } from '../core/index.ts';
import type { DecodeOptions, UrlOptions } from './source.ts';

const MAX_BYTES = 64 * 2 ** 20;
const TIMEOUT_S = 30;
const REDIRECTS = 5;

/** Whether something is an `http:` or `https:` address. */
export function isWebAddress(source: unknown): boolean {
  if (source instanceof URL) return source.protocol === 'http:' || source.protocol === 'https:';
  return typeof source === 'string' && /^https?:\/\//i.test(source);
}

/** An address as messages and file names may show it: without a user's name and password. */
export function shownAddress(address: string | URL): string {
  return String(address).replace(/^([a-z][a-z\d+.-]*:\/\/)[^/?#@]*@/i, '$1');
}

/**
 * Downloads a picture within the limits of `options.allowUrl`.
 * @param name what errors call it
 * @throws {DenseError} BAD_INPUT where URLs are not allowed, the server fails, says that it sends no picture, or is too slow
 *   or sends too much; ABORTED by the signal
 */
export async function downloadPicture(
  address: string | URL,
  name: string,
  { allowUrl = false, signal }: Pick<DecodeOptions, 'allowUrl' | 'signal'>,
): Promise<Uint8Array> {
  if (allowUrl === false)
    refuse(name, 'reading from the network is not allowed', 'pass allowUrl: true (--allow-url), or its bytes');
  const limits = allowUrl === true ? {} : allowUrl;
  const { timeout_s = TIMEOUT_S } = limits;
  const late = AbortSignal.timeout(1000 * timeout_s);
  try {
    const both = signal ? AbortSignal.any([signal, late]) : late;
    const answer = await visit(parsed(address, name), name, limits, both);
    checkAnswer(answer, name);
    return await bodyWithin(answer, name, limits.maxBytes ?? MAX_BYTES);
  } catch (error) {
    throwIfAborted(signal);
    if (error instanceof DenseError) throw error;
    if (late.aborted)
      return refuse(name, `the server did not send it within ${timeout_s} s`, 'try again, or raise allowUrl.timeout_s');
    return fail('BAD_INPUT', `cannot read picture ${name}`, reasonOf(error), 'check the address and the server', error);
  }
}

/** Follows redirects by hand, so that each address can be refused before it is visited. */
async function visit(first: URL, name: string, limits: UrlOptions, signal: AbortSignal): Promise<Response> {
  const { redirects = REDIRECTS, accept, headers } = limits;
  let url = first;
  for (let hop = 0; ; hop++) {
    if (accept && !accept(new URL(url)))
      refuse(name, `the address ${shownAddress(url)} is refused by allowUrl.accept`, 'give another address');
    const { username, password } = url;
    const login = username === '' ? {} : { authorization: basicLogin(username, password) };
    const bare = new URL(url);
    bare.username = bare.password = '';
    const own = hop === 0 || url.origin === first.origin ? headers : undefined;
    const answer = await fetch(bare, { headers: { ...login, ...own }, redirect: 'manual', signal });
    const next = answer.headers.get('location');
    if (answer.status < 300 || answer.status > 399 || next === null) return answer;
    await answer.body?.cancel();
    if (hop === redirects) refuse(name, `the server sent us on more than ${redirects} times`, 'give the final address');
    url = parsed(next, name, url);
    if (!isWebAddress(url)) refuse(name, `the server sent us on to ${url.protocol}`, 'give the final address');
  }
}

function parsed(address: string | URL, name: string, base?: URL): URL {
  try {
    return new URL(address, base);
  } catch (error) {
    return fail('BAD_INPUT', `cannot read picture ${name}`, 'it is no valid address', 'check the address', error);
  }
}

function basicLogin(username: string, password: string): string {
  const plain = `${decodeURIComponent(username)}:${decodeURIComponent(password)}`;
  return `Basic ${Buffer.from(plain).toString('base64')}`;
}

function checkAnswer(answer: Response, name: string): void {
  if (!answer.ok) refuse(name, `the server answered ${answer.status} ${answer.statusText}`.trim(), 'check the address');
  const type = answer.headers.get('content-type')?.split(';')[0].trim().toLowerCase();
  // servers that do not know say octet-stream or nothing: then the bytes themselves decide
  if (type && !type.startsWith('image/') && !type.endsWith('/octet-stream'))
    refuse(name, `the server sends ${type}, which is no picture`, 'give the address of the picture itself');
}

async function bodyWithin(answer: Response, name: string, maxBytes: number): Promise<Uint8Array> {
  const tooLarge = (why: string) => refuse(name, why, 'give a smaller picture, or raise allowUrl.maxBytes');
  const said = Number(answer.headers.get('content-length') ?? 0);
  if (said > maxBytes) {
    await answer.body?.cancel();
    tooLarge(`it has ${said} bytes, the limit is ${maxBytes}`);
  }
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of answer.body ?? []) {
    size += chunk.length;
    if (size > maxBytes) tooLarge(`it has more than ${maxBytes} bytes, the limit`); // leaving the loop ends the download
    chunks.push(chunk);
  }
  return new Uint8Array(Buffer.concat(chunks));
}

function refuse(name: string, why: string, fix: string): never {
  return fail('BAD_INPUT', `cannot read picture ${name}`, why, fix);
}

/** What fetch hides in the cause of "fetch failed". */
function reasonOf(error: unknown): string {
  const { cause } = error as Error;
  if (!(cause instanceof Error)) return messageOf(error);
  const code = (cause as NodeJS.ErrnoException).code;
  if (code === 'ECONNREFUSED') return 'nothing listens at that address';
  if (code === 'ENOTFOUND') return 'there is no server of that name';
  return cause.message ? messageOf(cause) : (code ?? messageOf(error));
}
