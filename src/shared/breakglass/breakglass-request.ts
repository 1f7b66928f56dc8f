// What a permit for `breakglass` asks for (shared/permit/permit.ts): all of it is signed.

import { PERMIT_CLIENT } from '../permit/permit-api.ts';
import { parseUntrustedJson } from '../untrusted-json.ts';

export interface BreakglassRequest {
  /** Of the toolbox as it is sent: nothing else is unpacked. */
  toolboxSha256: string;
  lifetimeSec: number;
  /** Whether the session goes on while nobody uses it. */
  staysOpen: boolean;
  /** Whether sshd listens on port 22, too. */
  listen: boolean;
  /** Lines of authorized_keys without options and comments. */
  sshKeys: readonly string[];
  /** For people: who asks. */
  client: string;
}

export const MAX_LIFETIME_SEC = 24 * 60 * 60;
export const DEFAULT_LIFETIME_SEC = 60 * 60;
export const MAX_SSH_KEYS = 32;
const MAX_REQUEST_BYTES = 96 * 1024;

const HEX_32 = /^[0-9a-f]{64}$/;
/** Options before the type, such as `command=`, are no part of it. */
export const SSH_KEY =
  /^(?:ssh-ed25519|ssh-rsa|ecdsa-sha2-nistp(?:256|384|521)|sk-(?:ssh-ed25519|ecdsa-sha2-nistp256)@openssh\.com) [A-Za-z0-9+/]{40,2900}={0,2}$/;

/** Throws a SyntaxError. */
export function parseBreakglassRequest(text: string): BreakglassRequest {
  const root = parseUntrustedJson(new TextEncoder().encode(text), {
    name: 'the request',
    maxBytes: MAX_REQUEST_BYTES,
    maxValues: 200,
  });
  return {
    toolboxSha256: root.field('toolboxSha256').text(HEX_32),
    lifetimeSec: root.field('lifetimeSec').integer(1, MAX_LIFETIME_SEC),
    staysOpen: root.field('staysOpen').boolean(),
    listen: root.field('listen').boolean(),
    sshKeys: root
      .field('sshKeys')
      .items(MAX_SSH_KEYS)
      .map((key) => key.text(SSH_KEY)),
    client: root.field('client').text(PERMIT_CLIENT),
  };
}
