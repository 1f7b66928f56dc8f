// Permits (permit.ts, docs/permits.md) as far as whoever asks and whoever answers need them at their start: this loads no
// node:crypto.
//
//   POST /api/v1/permits              change -> 201 PermitChallenge

import type { DeviceConfig } from '../services/services.ts';

export const PERMITS_PATH = '/api/v1/permits';

/** What a permit may be for. `inspect`: an InspectRequest (debug-api.ts); `breakglass`: a BreakglassRequest. */
export const PERMIT_PURPOSES = ['inspect', 'breakglass'] as const;
export type PermitPurpose = (typeof PERMIT_PURPOSES)[number];

export const CHALLENGE_BYTES = 32;
export const CHALLENGE_LIFETIME_SEC = 60;
/** Of the JSON that is sent. The longest asks for a session with as many SSH keys as there may be, RSA's of 16384 bits. */
export const MAX_PERMIT_BYTES = 128 * 1024;

/** How requests name who asks. Control characters are refused: the text is shown in logs and on consoles. */
export const PERMIT_CLIENT = /^[^\p{Cc}]{1,100}$/u;

/** The device's answer to who asks for a challenge. */
export interface PermitChallenge {
  /** Hex. */
  challenge: string;
  hostname: string;
  /** The kernel's: /proc/sys/kernel/random/boot_id. */
  bootId: string;
  expiresInSec: number;
}

/** Why a device takes no permit, whoever signs. */
export type NoPermits = 'off' | 'no trusted key';

export const NO_PERMITS: Readonly<Record<NoPermits, string>> = {
  off: 'This device was built with "breakglass": "off": nobody may look into it',
  'no trusted key': 'This device trusts no key, so that nobody may look into it',
};

/** null: it takes them. */
export function whyNoPermits({
  breakglass,
  update,
}: Pick<DeviceConfig, 'breakglass' | 'update'>): NoPermits | null {
  if (breakglass === 'off') return 'off';
  return (update?.trustedKeys ?? []).length === 0 ? 'no trusted key' : null;
}
