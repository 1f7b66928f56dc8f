// "web" in tskrazy.json: the status page.

import * as v from 'valibot';
import { isIP } from 'node:net';
import { hostnameProblem } from './hostname.ts';
import { checkWebTls, webTlsEntries } from './web-tls.ts';

const host = v.pipe(
  v.string('must be a string'),
  v.check(
    (text: string) =>
      isIP(text) !== 0 || hostnameProblem(text.toLowerCase().replace(/\.local$/, '')) === undefined,
    'must be a name such as "garden.example.org" or an address such as "203.0.113.7", without http:// and without a port',
  ),
);

export const webSchema = v.pipe(
  v.strictObject(
    {
      port: v.exactOptional(
        v.pipe(
          v.number('must be a port number'),
          v.integer('must be a whole number'),
          v.minValue(1, 'must be from 1 to 65535'),
          v.maxValue(65535, 'must be from 1 to 65535'),
          v.description('TCP port of the status page (default: 80)'),
        ),
      ),
      hosts: v.exactOptional(
        v.pipe(
          v.array(host, 'must be an array of names and addresses'),
          v.description(
            'Names and addresses by which browsers may call the device, besides its own: that of a proxy or of a router that forwards to it',
          ),
        ),
      ),
      ...webTlsEntries,
    },
    'must be an object',
  ),
  checkWebTls(),
  v.description('The status page'),
);
