// "network.wifi" in tskrazy.json: where the device is, and which networks it prefers. Keys are elsewhere (`tsk wifi add`).

import * as v from 'valibot';
import { COUNTRY, MAX_WIFI_NETWORKS, ssidProblem } from '../network/wifi.ts';

const ssid = v.pipe(
  v.string('must be a string'),
  v.rawCheck<string>(({ dataset, addIssue }) => {
    const problem = dataset.typed ? ssidProblem(dataset.value) : undefined;
    if (problem !== undefined) addIssue({ message: problem });
  }),
  v.description('Name of the network: 32 bytes at most'),
);

/** The second one is what is wrong. */
const namesOnce = v.rawCheck<{ ssid: string }[]>(({ dataset, addIssue }) => {
  if (!dataset.typed) return;
  const names = dataset.value.map((each) => each.ssid);
  const twice = names.find((name, index) => names.indexOf(name) < index);
  if (twice !== undefined) addIssue({ message: `has two networks of the name "${twice}"` });
});

export const wifiSchema = v.pipe(
  v.strictObject(
    {
      country: v.pipe(
        v.string('must be a string'),
        v.regex(COUNTRY, 'must be two capital letters, as in "DE" or "US" (ISO 3166)'),
        v.description('Country that the device is in: which channels and how much power are allowed'),
      ),
      networks: v.exactOptional(
        v.pipe(
          v.array(
            v.strictObject(
              {
                ssid,
                hidden: v.exactOptional(
                  v.pipe(
                    v.boolean('must be true or false'),
                    v.description('The network does not say its name: the device asks for it'),
                  ),
                ),
              },
              'must be an object with "ssid"',
            ),
            'must be an array of networks',
          ),
          v.maxLength(MAX_WIFI_NETWORKS, `must have ${MAX_WIFI_NETWORKS} entries at most`),
          namesOnce,
          v.description('Networks, the preferred one first. Their keys: "tsk wifi add SSID"'),
        ),
      ),
    },
    'must be an object with "country"',
  ),
  v.description('Wi-Fi: with it the image has a supplicant, and firmware for Raspberry Pis'),
);
