// One HTTP request as a program sends it, with every header under the test's control (fetch adds some
// and forbids others).

import http from 'node:http';

export interface Answer {
  status: number;
  headers: http.IncomingHttpHeaders;
  body: string;
  json(): unknown;
}

export interface Ask {
  method?: string;
  headers?: http.OutgoingHttpHeaders;
  body?: string | Uint8Array;
  /** Whence it is sent. */
  localAddress?: string;
}

export function ask(
  url: string,
  path: string,
  { method = 'GET', headers = {}, body, localAddress }: Ask = {},
): Promise<Answer> {
  const { hostname: host, port } = new URL(url);
  const hostname = host.replace(/^\[|\]$/g, '');
  return new Promise((resolve, reject) => {
    // `path` goes out as it is: nothing normalizes the dots in it.
    const from = localAddress === undefined ? {} : { localAddress };
    const request = http.request(
      { hostname, port, path, method, headers, agent: false, ...from },
      (response) => {
        const chunks: Buffer[] = [];
        response.on('data', (chunk: Buffer) => chunks.push(chunk));
        response.on('error', reject);
        response.on('end', () => {
          const text = Buffer.concat(chunks).toString('utf8');
          resolve({
            status: response.statusCode ?? 0,
            headers: response.headers,
            body: text,
            json: () => JSON.parse(text) as unknown,
          });
        });
      },
    );
    request.on('error', reject);
    request.end(body);
  });
}

export function basic(password: string): http.OutgoingHttpHeaders {
  return { Authorization: `Basic ${Buffer.from(`tskrazy:${password}`).toString('base64')}` };
}
