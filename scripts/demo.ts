// npm run demo: examples/demo as an appliance in a virtual machine of this computer's own architecture. The
// same as `tsk -i examples/demo vm run`, after looking whether QEMU and its firmware are there.

import { openDemoInstance } from './demo-instance.ts';
import { installMissingTools } from './install-tools.ts';
import { BOARDS } from '../src/shared/board/boards.ts';
import { Output } from '../src/host/cli/output.ts';
import { runProgram } from '../src/host/cli/run-program.ts';
import { runInForeground } from '../src/host/vm/run-in-foreground.ts';

await runProgram(
  async (signal) => {
    const output = new Output({ json: false, quiet: false });
    const board = BOARDS[process.arch === 'arm64' ? 'pc-arm64' : 'pc-amd64'];
    try {
      await installMissingTools(board, output);
      const instance = await openDemoInstance(output);
      await runInForeground({
        instance,
        board,
        offline: false,
        report: output.progress,
        signal,
        keep: false,
        detached: false,
        memoryMiB: 1024,
        webPort: 0,
        // The pages of its two apps.
        forwards: [8080, 8082].map((guestPort) => ({ hostPort: 0, guestPort })),
        warn: (text) => output.warn(text),
        say: (text) => output.say(text),
      });
    } finally {
      output.close();
    }
  },
  { json: false },
);
