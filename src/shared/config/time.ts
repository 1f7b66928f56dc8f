// "time" in tskrazy.json: who knows the time, and where it is.

import * as v from 'valibot';
import { parseTimeServer } from '../network/time-servers.ts';
import { isTimeZone, likelyTimeZone } from './time-zone.ts';

const timeServer = v.pipe(
  v.string('must be a string'),
  v.check(
    (text: string) => parseTimeServer(text) !== undefined,
    'must be a name or an IP address, with a port where it is not 123: "ntp.example", "192.168.1.1:1123", "[fd00::1]:1123"',
  ),
);

const timeZone = v.pipe(
  v.string('must be a string'),
  v.check(isTimeZone, ({ input }) => {
    const likely = likelyTimeZone(input);
    return `must be a time zone of the IANA list${likely === undefined ? ', such as "Europe/Berlin"' : `: "${likely}"`}`;
  }),
  v.description('Time zone of all programs, such as "Europe/Berlin" (default: UTC)'),
);

export const timeSchema = v.pipe(
  v.strictObject(
    {
      zone: v.exactOptional(timeZone),
      servers: v.exactOptional(
        v.pipe(
          v.array(timeServer, 'must be an array of time servers'),
          v.maxLength(16, 'must have at most 16 time servers'),
          v.description(
            'NTP servers (default: those that DHCP names, and the public pool while they are fewer than three); none: the clock is not set',
          ),
        ),
      ),
    },
    'must be an object',
  ),
  v.description('The clock'),
);
