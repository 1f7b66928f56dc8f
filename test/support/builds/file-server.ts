// An HTTP server on loopback that serves bytes from memory, with ranges, and that can be made to misbehave.

import { createHash } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Lifetime } from '../updates/update-lab.ts';

export interface ServedFile {
  bytes: Uint8Array;
  /** Answers so instead; one answer each, then as usual. */
  statuses?: number[];
  /** Sends only so many bytes of the body and waits for `breakConnection`; one answer each, then as usual. */
  cuts?: number[];
  /** Every answer ends before the body is complete. */
  isTruncated?: boolean;
  /** Neither ETag nor Last-Modified, so nothing to resume with. */
  isAnonymous?: boolean;
}

export interface FileServer {
  url: string;
  files: Map<string, ServedFile>;
  /** `GET /path`, with ` bytes=…` where a range was asked for. */
  requests: string[];
  /** Breaks the connection of an answer that was cut. To be called when the client has what was sent. */
  breakConnection(): void;
  /** From then on nobody listens. */
  close(): Promise<void>;
}

/** Closed at the end of the test. */
export async function startFileServer(
  t: Pick<Lifetime, 'after'>,
  files: Readonly<Record<string, Uint8Array | string | ServedFile>>,
): Promise<FileServer> {
  const served = new Map<string, ServedFile>();
  for (const [path, file] of Object.entries(files)) {
    served.set(
      path,
      typeof file === 'string' || file instanceof Uint8Array ? { bytes: Buffer.from(file) } : file,
    );
  }
  const requests: string[] = [];
  let cutShort: ServerResponse | undefined;
  const server = createServer((request, response) => {
    const { range } = request.headers;
    requests.push(`${request.method} ${request.url}${range === undefined ? '' : ` ${range}`}`);
    const file = served.get(decodeURIComponent(request.url ?? ''));
    if (answer(file, request, response) === 'cut') cutShort = response;
  });
  await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve));
  const close = () =>
    new Promise<void>((resolve) => {
      server.closeAllConnections();
      server.close(() => resolve());
    });
  t.after(close);
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    files: served,
    requests,
    breakConnection: () => cutShort?.destroy(),
    close,
  };
}

function answer(
  file: ServedFile | undefined,
  request: IncomingMessage,
  response: ServerResponse,
): 'whole' | 'cut' {
  const status = file ? file.statuses?.shift() : 404;
  if (!file || status !== undefined) {
    response.writeHead(status ?? 404).end('no');
    return 'whole';
  }
  const etag = `"${createHash('sha256').update(file.bytes).digest('hex')}"`;
  const validators = file.isAnonymous ? {} : { etag };
  const [, from] = /^bytes=(\d+)-$/.exec(request.headers.range ?? '') ?? [];
  const isRange = from !== undefined && request.headers['if-range'] === etag;
  const start = isRange ? Number(from) : 0;
  if (start >= file.bytes.length && isRange) {
    response.writeHead(416, validators).end();
    return 'whole';
  }
  const body = file.bytes.subarray(start);
  response.writeHead(isRange ? 206 : 200, {
    ...validators,
    'content-length': body.length,
    ...(isRange ? { 'content-range': `bytes ${start}-${file.bytes.length - 1}/${file.bytes.length}` } : {}),
  });
  if (file.isTruncated) {
    response.write(body.subarray(0, body.length / 2), () => response.socket?.end());
    return 'whole';
  }
  const cut = file.cuts?.shift();
  if (cut === undefined) {
    response.end(body);
    return 'whole';
  }
  response.write(body.subarray(0, cut));
  return 'cut';
}
