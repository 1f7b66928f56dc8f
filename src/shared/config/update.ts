// "update" in tskrazy.json: whose updates a device takes.

import * as v from 'valibot';
import { parseTrustedKey, TRUSTED_KEY } from '../manifest/trusted-key.ts';

const trustedKey = v.pipe(
  v.string('must be a string'),
  v.regex(
    TRUSTED_KEY,
    'must be a public key as "tsk key show" prints it: "ed25519:BASE64", or "ed25519:BASE64 until 2027-01-31"',
  ),
  v.check(
    (text) => !TRUSTED_KEY.test(text) || parseTrustedKey(text) !== undefined,
    'has a mistyped key, or a day that there is not',
  ),
);

export const updateSchema = v.pipe(
  v.strictObject(
    {
      trustedKeys: v.exactOptional(
        v.pipe(
          v.array(trustedKey, 'must be an array of public keys'),
          v.maxLength(16, 'must have at most 16 public keys'),
          v.description(
            "Public keys besides the instance's own whose updates the device takes, such as another computer's",
          ),
        ),
      ),
    },
    'must be an object',
  ),
  v.description('Updates'),
);
