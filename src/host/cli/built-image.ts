// Builds the instance that the command line names, for the verbs that need its image.

import { visibleLines } from '../../shared/text/visible-text.ts';
import { BOARDS, type BoardId } from '../../shared/board/boards.ts';
import { buildImage, type BuiltImage } from '../build/build-image.ts';
import { openInstance, type Instance } from '../config/instance.ts';
import { openSecrets } from '../config/instance-secrets.ts';
import { wifiWarnings } from '../config/wifi-keys.ts';
import { tellOfWifiFirmware } from './wifi-firmware-notice.ts';
import type { Session } from './session.ts';

export interface BuildRequest {
  offline: boolean;
  /** Another board than the instance's, for a try in a virtual machine. */
  board?: BoardId;
  for?: 'device' | 'update';
  /** A whole disk is written, on which keys of Wi-Fi can be. */
  writesDisk?: boolean;
  /** Whether to draw another key where the instance's is not here. */
  newKey?: boolean;
}

/** Removes the image's temporary files when `use` is done. */
export async function withBuiltImage<T>(
  session: Session,
  request: BuildRequest,
  use: (image: BuiltImage, instance: Instance) => Promise<T>,
): Promise<T> {
  const { output, signal } = session;
  const instance = await openInstance(session.instanceDirectory);
  const secrets = await openSecrets(instance, {
    for: request.for ?? 'device',
    newKey: request.newKey ?? false,
    notice: (text) => output.notice(text),
  });
  const image = await buildImage({
    instance,
    secrets,
    board: BOARDS[request.board ?? instance.config.board],
    offline: request.offline,
    report: output.progress,
    signal,
  });
  try {
    for (const note of image.notes) output.notice(visibleLines(note));
    for (const warning of image.warnings) output.warn(warning);
    await tellOfWifiFirmware(image, instance, (text) => output.notice(text));
    if (request.writesDisk === true) for (const warning of await wifiWarnings(instance)) output.warn(warning);
    return await use(image, instance);
  } finally {
    await image.dispose();
  }
}
