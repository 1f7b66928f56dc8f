// A board of a kind that tskrazy knows by its models, and that is none of them: it has started, so the device goes on, and
// says what may be missing.

import { BOARDS, type BoardBoot, type BoardId } from '../../shared/board/boards.ts';
import { isRaspberryPiModel } from '../../shared/boot-loader/raspberry-pi-models.ts';

/** What QEMU's machine calls itself in which the board's virtual machines run. */
const VIRTUAL_MACHINE = 'linux,dummy-virt';

/** Undefined: such boards have no models that matter. */
const KNOWS_MODEL: Readonly<Record<BoardBoot['kind'], ((model: string) => boolean) | undefined>> = {
  'systemd-boot': undefined,
  'raspberry-pi-firmware': isRaspberryPiModel,
};

/** What a person should know of it; undefined: nothing. */
export function modelProblem(board: BoardId, model: string | null): string | undefined {
  const knows = KNOWS_MODEL[BOARDS[board].boot.kind];
  if (knows === undefined || model === null || model === VIRTUAL_MACHINE || knows(model)) return undefined;
  return `tskrazy does not know the model "${model}": some of its hardware may have no driver, and updates may fail to start`;
}
