// What "web" in tskrazy.json says of TLS.

import * as v from 'valibot';
import { filledText } from './parts.ts';

export const webTlsEntries = {
  tls: v.exactOptional(
    v.pipe(
      v.picklist(['on', 'off', 'own'], 'must be "on", "off" or "own"'),
      v.description(
        'HTTPS for the page: with a certificate of this instance\'s own authority ("on", the default), with yours ("own"), or not at all ("off")',
      ),
    ),
  ),
  tlsPort: v.exactOptional(
    v.pipe(
      v.number('must be a port number'),
      v.integer('must be a whole number'),
      v.minValue(1, 'must be from 1 to 65535'),
      v.maxValue(65535, 'must be from 1 to 65535'),
      v.description('TCP port of the status page with TLS (default: 443)'),
    ),
  ),
  certificate: v.exactOptional(
    filledText(
      'With "tls": "own", a PEM file with your certificate and its chain: absolute, it lies on the device; relative, in the instance',
    ),
  ),
  key: v.exactOptional(
    filledText('With "tls": "own", the PEM file with the private key of "certificate", in the same way'),
  ),
};

interface WebTls {
  tls?: 'on' | 'off' | 'own';
  port?: number;
  tlsPort?: number;
  certificate?: string;
  key?: string;
}

/** The keys belong together. */
export function checkWebTls<T extends WebTls>(): v.RawCheckAction<T> {
  return v.rawCheck<T>(({ dataset, addIssue }) => {
    const value: unknown = dataset.value;
    if (typeof value !== 'object' || value === null) return;
    const { tls = 'on', port = 80, tlsPort = 443, certificate, key } = value as WebTls;
    const files = [certificate, key].filter((path) => path !== undefined).length;
    if (tls === 'own' && files < 2)
      addIssue({ message: 'has "tls": "own": name your files in "certificate" and "key"' });
    if (tls !== 'own' && files > 0)
      addIssue({ message: 'has a "certificate" or a "key" of yours: they are used with "tls": "own"' });
    if (tls !== 'off' && port === tlsPort)
      addIssue({ message: `has "port" and "tlsPort" both at ${port}: they have to differ` });
  });
}
