// Downloads one file over HTTP(S): resumes where an earlier try stopped, also one of a process that is gone.
// `<destination>.part` holds the bytes so far, `.part.from` the validator of the file that they came from.
// RFC 9110 sections 13.1.5 (If-Range) and 14 (range requests).

import { createHash } from 'node:crypto';
import { open, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { followProxyEnvironment } from './env-proxy.ts';

/** The server answered, but not with the file. */
export class HttpStatusError extends Error {
  override name = 'HttpStatusError';
  readonly status: number;

  constructor(status: number, url: string) {
    super(`the server answered ${status}${status === 404 ? ' (not found)' : ''} for "${url}"`);
    this.status = status;
  }
}

export interface DownloadOptions {
  url: string;
  destination: string;
  /** Rejects when the file is not the wanted one; after a resumed download that leads to one fresh start. */
  verify: (path: string) => Promise<void>;
  /** Called with the bytes of each step, also once with those that were there from an earlier try. */
  onBytes?: (bytes: number, totalBytes: number | undefined) => void;
  tries?: number;
  /** A connection that delivers nothing for so long counts as broken. */
  idleTimeoutMs?: number;
  retryDelayMs?: number;
}

/** Leaves either the verified file at `destination`, or nothing but a partial download that can be resumed. */
export async function downloadFile(options: DownloadOptions): Promise<void> {
  const part = `${options.destination}.part`;
  const wasResumed = await downloadWhole(options, part);
  try {
    await options.verify(part);
  } catch (error) {
    await discardPart(part);
    if (!wasResumed) throw error;
    await downloadWhole(options, part);
    try {
      await options.verify(part);
    } catch (secondError) {
      await discardPart(part);
      throw secondError;
    }
  }
  await rm(`${part}.from`, { force: true });
  await rename(part, options.destination);
}

/** A small text, such as a list of versions. */
export async function downloadText(url: string, tries = 3, retryDelayMs = 100): Promise<string> {
  return withTries({ tries, retryDelayMs }, async () => {
    const response = await request(url, {}, AbortSignal.timeout(30_000));
    return response.text();
  });
}

/** Credentials of an address are for the server, not for messages. */
export function withoutCredentials(url: string): string {
  const parsed = new URL(url);
  parsed.username = '';
  parsed.password = '';
  return parsed.href;
}

/** Whether nobody on the way can change what comes from there: what is not yet pinned by a hash needs that. */
export function isTamperProof(url: string): boolean {
  const { protocol, hostname } = new URL(url);
  return protocol !== 'http:' || /^(localhost|127\.[\d.]+|\[::1\])$/.test(hostname);
}

async function downloadWhole(options: DownloadOptions, part: string): Promise<boolean> {
  const state = { wasResumed: false, reportedBytes: 0 };
  await withTries(options, () => downloadRest(options, part, state));
  return state.wasResumed;
}

async function withTries<T>(
  options: { tries?: number; retryDelayMs?: number },
  action: () => Promise<T>,
): Promise<T> {
  const { tries = 4, retryDelayMs = 100 } = options;
  for (let attempt = 1; ; attempt++) {
    try {
      return await action();
    } catch (error) {
      if (attempt >= tries || !isWorthRetrying(error)) throw error;
      await sleep(retryDelayMs * 2 ** (attempt - 1));
    }
  }
}

/** Broken connections and overloaded servers; not a "no", nobody at that address, or a full disk. */
function isWorthRetrying(error: unknown): boolean {
  if (error instanceof HttpStatusError) return error.status >= 500 || error.status === 429;
  const { code } = ((error as Error).cause ?? {}) as NodeJS.ErrnoException;
  if (code === 'ECONNREFUSED' || code === 'ENOTFOUND') return false;
  return error instanceof TruncatedError || isNetworkError(error);
}

/** What `fetch` and the body's stream throw when the connection fails; errors of the file system are no such thing. */
export function isNetworkError(error: unknown): boolean {
  if (error instanceof TruncatedError) return true;
  if (!(error instanceof Error)) return false;
  if (error.name === 'TimeoutError' || error.name === 'AbortError') return true;
  return error instanceof TypeError && ['fetch failed', 'terminated'].includes(error.message);
}

export class TruncatedError extends Error {
  override name = 'TruncatedError';
}

async function downloadRest(
  options: DownloadOptions,
  part: string,
  state: { wasResumed: boolean; reportedBytes: number },
): Promise<void> {
  const resume = await resumePoint(part, options.url);
  const idle = new AbortController();
  const idleTimeoutMs = options.idleTimeoutMs ?? 30_000;
  const onIdle = () => idle.abort(new DOMException(`no data for ${idleTimeoutMs / 1000} s`, 'TimeoutError'));
  let timer = setTimeout(onIdle, idleTimeoutMs);
  try {
    const headers: Record<string, string> = resume
      ? { range: `bytes=${resume.fromBytes}-`, 'if-range': resume.validator }
      : {};
    const response = await request(options.url, headers, idle.signal);
    const fromBytes = response.status === 206 && resume ? resume.fromBytes : 0;
    const lengthHeader = response.headers.get('content-length');
    const totalBytes = lengthHeader === null ? undefined : fromBytes + Number(lengthHeader);
    await writeValidator(part, options.url, response.headers);
    state.wasResumed ||= fromBytes > 0;
    const report = (reached: number) => {
      if (reached > state.reportedBytes) options.onBytes?.(reached - state.reportedBytes, totalBytes);
      state.reportedBytes = Math.max(state.reportedBytes, reached);
    };

    const handle = await open(part, fromBytes > 0 ? 'r+' : 'w');
    let reached = fromBytes;
    try {
      report(reached);
      for await (const chunk of response.body ?? []) {
        clearTimeout(timer);
        timer = setTimeout(onIdle, idleTimeoutMs);
        for (let written = 0; written < chunk.length;) {
          const step = await handle.write(chunk, written, chunk.length - written, reached + written);
          written += step.bytesWritten;
        }
        reached += chunk.length;
        report(reached);
      }
    } finally {
      await handle.close();
    }
    if (totalBytes !== undefined && reached !== totalBytes) {
      throw new TruncatedError(`the connection ended after ${reached} of ${totalBytes} bytes`);
    }
  } finally {
    clearTimeout(timer);
  }
}

async function request(url: string, headers: Record<string, string>, signal: AbortSignal): Promise<Response> {
  followProxyEnvironment();
  const { username, password } = new URL(url);
  const response = await fetch(withoutCredentials(url), {
    signal,
    headers: {
      ...headers,
      // The bytes as they are: hashes and ranges are of those.
      'accept-encoding': 'identity',
      ...(username === ''
        ? {}
        : {
            authorization: `Basic ${Buffer.from(`${decodeURIComponent(username)}:${decodeURIComponent(password)}`).toString('base64')}`,
          }),
    },
  });
  if (response.status === 200 || response.status === 206) return response;
  await response.body?.cancel();
  if (response.status === 416 && headers['range'] !== undefined) return request(url, {}, signal);
  throw new HttpStatusError(response.status, withoutCredentials(url));
}

/** A weak validator cannot promise equal bytes (RFC 9110 section 8.8.1), so such a download starts again. */
async function writeValidator(part: string, url: string, headers: Headers): Promise<void> {
  const etag = headers.get('etag');
  const validator = etag !== null && !etag.startsWith('W/') ? etag : headers.get('last-modified');
  if (validator === null) await rm(`${part}.from`, { force: true });
  else await writeFile(`${part}.from`, `${urlKey(url)}\n${validator}\n`);
}

async function resumePoint(
  part: string,
  url: string,
): Promise<{ fromBytes: number; validator: string } | undefined> {
  try {
    const [key, validator = ''] = (await readFile(`${part}.from`, 'utf8')).split('\n');
    const { size } = await stat(part);
    return key === urlKey(url) && validator !== '' && size > 0 ? { fromBytes: size, validator } : undefined;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

/** The address may hold a password, which has no business in a cache. */
function urlKey(url: string): string {
  return createHash('sha256').update(url).digest('hex');
}

async function discardPart(part: string): Promise<void> {
  await rm(part, { force: true });
  await rm(`${part}.from`, { force: true });
}
