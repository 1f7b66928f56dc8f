// Checks permits (shared/permit/permit.ts): challenges that this device has drawn, each good once and for a minute, and
// signatures of those whom its image trusts. Whoever passes may do what only who may update may.

import { randomBytes } from 'node:crypto';
import { SignatureError, type TrustedKey } from '../../shared/manifest/manifest-signature.ts';
import {
  CHALLENGE_BYTES,
  CHALLENGE_LIFETIME_SEC,
  NO_PERMITS,
  type PermitChallenge,
  type PermitPurpose,
  whyNoPermits,
} from '../../shared/permit/permit-api.ts';
import { parsePermit, type Permit, verifyPermit } from '../../shared/permit/permit.ts';
import type { DeviceConfig } from '../../shared/services/services.ts';
import { monotonicMs } from '../monotonic.ts';
import { HttpError, understand } from './http-error.ts';

/** Nobody needs more at once; the oldest makes room. */
const MAX_CHALLENGES = 16;

export interface PermitsOptions {
  config: Pick<DeviceConfig, 'breakglass' | 'hostname' | 'update'>;
  bootId: string;
  isClockSet: () => boolean;
  now?: () => number;
}

/** A permit that was good. */
export interface CheckedPermit {
  /** As its purpose has it. */
  request: string;
  keyId: string;
}

export class Permits {
  readonly #options: PermitsOptions;
  /** When each was drawn, the oldest first. */
  readonly #challenges = new Map<string, number>();

  constructor(options: PermitsOptions) {
    this.#options = options;
  }

  /** Throws HttpError 403 where no permit could be good. */
  draw(): PermitChallenge {
    const { config, bootId } = this.#options;
    this.#trustedKeys();
    const [oldest] = this.#challenges.keys();
    if (oldest !== undefined && this.#challenges.size >= MAX_CHALLENGES) this.#challenges.delete(oldest);
    const challenge = randomBytes(CHALLENGE_BYTES).toString('hex');
    this.#challenges.set(challenge, this.#now());
    return { challenge, hostname: config.hostname, bootId, expiresInSec: CHALLENGE_LIFETIME_SEC };
  }

  /** Uses up the challenge, whatever comes of it. Throws HttpError 400 or 403. */
  check(body: Uint8Array, purpose: PermitPurpose): CheckedPermit {
    const keys = this.#trustedKeys();
    const permit = understand(parsePermit, body);
    const drawnAt = this.#challenges.get(permit.challenge);
    this.#challenges.delete(permit.challenge);
    if (drawnAt === undefined || this.#now() - drawnAt > CHALLENGE_LIFETIME_SEC * 1000)
      throw new HttpError('challenge-over', 'The challenge was used, is over, or was never given');
    if (permit.purpose !== purpose)
      throw new HttpError(
        'permit-refused',
        `The permit is for "${permit.purpose}", and not for "${purpose}"`,
      );
    return { request: permit.request, keyId: this.#verify(permit, keys) };
  }

  #verify(permit: Permit, keys: readonly TrustedKey[]): string {
    const { config, bootId, isClockSet } = this.#options;
    const device = { hostname: config.hostname, bootId };
    if (permit.signatures.length === 0) throw new HttpError('permit-refused', 'The request is not signed');
    const nowSec = Math.floor(Date.now() / 1000);
    try {
      const verify = (some: readonly TrustedKey[]): string => verifyPermit(permit, device, some, nowSec);
      const keyId = verify(keys);
      // A clock that nobody has set tells of no key that it has not expired.
      const doesLast = keys.some((key) => key.id === keyId && key.notAfterSec === undefined);
      if (doesLast || isClockSet()) return keyId;
      return verify(keys.filter(({ notAfterSec }) => notAfterSec === undefined));
    } catch (cause) {
      if (!(cause instanceof SignatureError)) throw cause;
      throw new HttpError(
        'permit-refused',
        `${cause.message}${isClockSet() ? '' : '; the clock of this device is not set, so that keys that expire do not count'}`,
        { cause },
      );
    }
  }

  #trustedKeys(): readonly TrustedKey[] {
    const { config } = this.#options;
    const why = whyNoPermits(config);
    if (why !== null) throw new HttpError('no-permits', NO_PERMITS[why]);
    return config.update?.trustedKeys ?? [];
  }

  #now(): number {
    return (this.#options.now ?? monotonicMs)();
  }
}
