// The small JSON body of a request, of unknown content.

import type { IncomingMessage } from 'node:http';
import { parseUntrustedJson, type UntrustedValue } from '../../../shared/untrusted-json.ts';
import { ApiRefusal } from '../../api-refusal.ts';

const MAX_BYTES = 64 * 1024;

/** Has to be called before anything is awaited: the request flows already. The server limits its time. */
export async function readJson<T>(request: IncomingMessage, parse: (body: UntrustedValue) => T): Promise<T> {
  const bytes = await new Promise<Buffer>((resolve, reject) => {
    const chunks: Buffer[] = [];
    let length = 0;
    request.on('data', (chunk: Buffer) => {
      length += chunk.length;
      if (length <= MAX_BYTES) chunks.push(chunk);
    });
    request.once('end', () => {
      // The body was read first: who is still sending does not listen.
      if (length > MAX_BYTES)
        reject(new ApiRefusal('malformed', `The body is larger than ${MAX_BYTES} bytes`));
      else resolve(Buffer.concat(chunks));
    });
    request.once('close', () => reject(new ApiRefusal('malformed', 'The body is not complete')));
    request.once('error', reject);
  });
  try {
    return parse(parseUntrustedJson(bytes, { name: 'the body', maxBytes: MAX_BYTES }));
  } catch (error) {
    if (error instanceof SyntaxError) throw new ApiRefusal('malformed', error.message);
    throw error;
  }
}
