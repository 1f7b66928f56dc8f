// Asks a device for what its page's password does not suffice for: with the update key of the instance.

import {
  CHALLENGE_BYTES,
  type PermitChallenge,
  type PermitPurpose,
  PERMITS_PATH,
} from '../../shared/permit/permit-api.ts';
import { type Permit, permitText } from '../../shared/permit/permit.ts';
import { signText, type UpdateKeys } from '../config/update-keys.ts';
import type { DeviceClient } from '../devices/device-client.ts';
import { UserError } from '../user-error.ts';

const CHALLENGE = new RegExp(`^[0-9a-f]{${2 * CHALLENGE_BYTES}}$`);
/** What a device says is signed: it must not be able to write lines of its own. */
const WORD = /^[A-Za-z0-9.-]{1,100}$/;

/** `act` as in AskOptions. The permit is good for a minute, once. */
export async function requestPermit(
  client: DeviceClient,
  keys: UpdateKeys,
  { purpose, request, act }: { purpose: PermitPurpose; request: object; act: string },
): Promise<Permit> {
  const drawn = await client.askJson<Partial<PermitChallenge> | null>(PERMITS_PATH, {
    method: 'POST',
    act,
  });
  const { challenge = '', hostname = '', bootId = '' } = drawn ?? {};
  if (!CHALLENGE.test(challenge) || !WORD.test(hostname) || !WORD.test(bootId))
    throw new UserError(`Cannot ${act}: the device gives a challenge that is none`);
  const terms = { purpose, challenge, hostname, bootId, request: JSON.stringify(request) };
  return { purpose, challenge, request: terms.request, signatures: signText(permitText(terms), keys) };
}
