// The key of a WPA2 network: IEEE 802.11, annex J.4.

import { pbkdf2 } from 'node:crypto';
import { promisify } from 'node:util';

const ROUNDS = 4096;
const KEY_BYTES = 32;

/** 64 hexadecimal digits. Good for this network's name only. */
export async function derivePsk(passphrase: string, ssid: string): Promise<string> {
  const key = await promisify(pbkdf2)(passphrase, ssid, ROUNDS, KEY_BYTES, 'sha1');
  return key.toString('hex');
}
