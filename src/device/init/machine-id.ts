// /etc/machine-id: what tells this device from all others, also from those with the same image. Drawn on the first boot
// and kept in /perm, so that updates and new images leave it as it is; machine-id(5).

import { readFileSync } from 'node:fs';
import { MACHINE_ID_PATH } from '../../shared/services/machine-id.ts';
import { writeDurably } from '../durable-file.ts';
import { STATE_DIRECTORY } from '../state-directory.ts';
import { randomBytes } from '../sys/random-bytes.ts';
import type { Device } from './device/device.ts';

const KEPT_PATH = `${STATE_DIRECTORY}/machine-id`;
const MACHINE_ID = /^(?!0{32})[0-9a-f]{32}\n?$/;

export function provideMachineId({ sys, perm, log }: Device): void {
  const kept = readKept(sys.path(KEPT_PATH));
  const id = kept ?? drawMachineId();
  // Apps get one in any case: a /perm that cannot be written must not keep it from them.
  writeDurably(sys.path(MACHINE_ID_PATH), `${id}\n`, 0o444);
  if (perm.state !== 'mounted') {
    log.say('the machine id is for this boot only, as there is no /perm to keep it in');
  } else if (kept === undefined) {
    writeDurably(sys.path(KEPT_PATH), `${id}\n`, 0o444);
  }
}

function readKept(path: string): string | undefined {
  try {
    const text = readFileSync(path, 'latin1');
    return MACHINE_ID.test(text) ? text.trimEnd() : undefined;
  } catch {
    // The first boot, or a new /perm.
    return undefined;
  }
}

/** A random UUID (RFC 9562, version 4), as programs that read it as one expect. */
function drawMachineId(): string {
  const bytes = randomBytes(16);
  bytes[6] = ((bytes[6] ?? 0) & 0x0f) | 0x40;
  bytes[8] = ((bytes[8] ?? 0) & 0x3f) | 0x80;
  return Buffer.from(bytes).toString('hex');
}
