// The boot loader of a PC, for tests of what depends on some boot loader and not on that one.

import { BOARDS } from '../../../src/shared/board/boards.ts';
import { layoutOf } from '../../../src/shared/boot-loader/layout-of.ts';

export const PC_LAYOUT = layoutOf(BOARDS['pc-amd64'].boot);
