// What whoever builds an image with firmware for Wi-Fi is told, once an instance: under which terms it goes into the image, and for
// which board it is missing.

import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { ZERO_2_FILES } from '../../shared/board/wifi-firmware.ts';
import type { BuiltImage } from '../build/build-image.ts';
import type { Instance } from '../config/instance.ts';
import { readOrCreatePrivateFile } from '../files/private-file.ts';

const TOLD = 'told-of-wifi-firmware';

export async function tellOfWifiFirmware(
  { manifest }: BuiltImage,
  { config, stateDirectory }: Instance,
  notice: (text: string) => void,
): Promise<void> {
  const version = manifest.components['wifi-firmware'];
  const told = join(stateDirectory, TOLD);
  if (version === undefined || config.components['wifi-firmware'] !== undefined || existsSync(told)) return;
  await readOrCreatePrivateFile(told, () => version);
  notice(
    `The image has firmware for Wi-Fi from Debian's non-free-firmware (${version}). Cypress and Broadcom allow to pass it on\n` +
      'unchanged, with their licence, which is in /usr/share/licenses/wifi-firmware of the image.\n' +
      `Many Zero 2 Ws need files that Debian does not have: ${ZERO_2_FILES.join(', ')}.\n` +
      'Where they are, and how they get into the image: "Wi-Fi" in docs/raspberry-pi.md.',
  );
}
