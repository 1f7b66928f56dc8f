// npm run demo: examples/demo as an appliance in a virtual machine of this computer's own architecture, a PC: a Raspberry Pi,
// as new instances are for, is emulated on most computers, and here somebody waits for the first sight of it. The same as
// `tsk -i examples/demo vm run`, after looking whether QEMU and its firmware are there.

import { openDemoInstance } from './demo-instance.ts';
import { installMissingTools } from './install-tools.ts';
import { Output } from '../src/host/cli/output.ts';
import { runProgram } from '../src/host/cli/run-program.ts';
import { runInForeground } from '../src/host/vm/run-in-foreground.ts';
import { HOST_BOARD } from '../test/support/machines/host-board.ts';

await runProgram(
  async (signal) => {
    const output = new Output({ json: false, quiet: false });
    try {
      await installMissingTools(HOST_BOARD, output);
      const instance = await openDemoInstance(output);
      await runInForeground({
        instance,
        board: HOST_BOARD,
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
