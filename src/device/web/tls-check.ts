// Whether `tsk` would reach this page over TLS: asked as `tsk` does, with the device's own certificate, whatever browsers
// are shown. Only trials need it.

import http from 'node:http';
import { connect } from 'node:tls';

import { IDENTITY_SERVER_NAME } from '../../shared/services/device-tls.ts';

export interface TlsPage {
  port: number;
  /** Of the certificate that the builder has put into the image. */
  fingerprint: string;
}

/** Status of the answer. Throws when there is none, or one by somebody with another key. */
export function askOverTls({ port, fingerprint }: TlsPage, limitMs: number): Promise<number> {
  return new Promise((resolve, reject) => {
    // The fingerprint stands for what Node.js would look at: names, dates and the roots of the web.
    const socket = connect({
      host: '127.0.0.1',
      port,
      servername: IDENTITY_SERVER_NAME,
      minVersion: 'TLSv1.3',
      rejectUnauthorized: false,
    });
    const request = http.get({
      createConnection: () => socket,
      host: 'localhost',
      headers: { 'Accept-Encoding': 'gzip' },
      signal: AbortSignal.timeout(limitMs),
    });
    request.once('response', ({ statusCode = 0 }) => {
      const shown = socket.getPeerX509Certificate()?.fingerprint256;
      request.destroy();
      if (shown === fingerprint) resolve(statusCode);
      else reject(new Error('shows another certificate than that of the image'));
    });
    request.on('error', reject);
  });
}
