// What tsk repl does.

import { promptIn } from '../debug/remote-prompt.ts';
import { UserError } from '../user-error.ts';
import { withInspector } from './debug-session.ts';
import type { DeviceOptions } from './device-session.ts';
import { formatStyled } from './log-text.ts';
import type { Session } from './session.ts';

export async function promptInApp(session: Session, app: string, options: DeviceOptions): Promise<void> {
  const { output, signal } = session;
  await withInspector(session, app, options, async (inspector, { hostname }) => {
    const isColored = process.stdout.isTTY;
    if (process.stdin.isTTY)
      output.say(`${app} on ${hostname}: Ctrl-D leaves, TAB completes, .help tells more.`);
    const { reason, hasThrown } = await promptIn(inspector, {
      input: process.stdin,
      output: process.stdout,
      // Line breaks of the app's are as good as those of a program here; nothing else of it steers the terminal.
      show: (text) =>
        text
          .split('\n')
          .map((line) => formatStyled(line, isColored))
          .join('\n'),
      signal,
    });
    signal.throwIfAborted();
    // A script is to know; it has seen why.
    if (hasThrown === true) process.exitCode = 1;
    if (reason !== undefined) throw new UserError(`The prompt in "${app}" is over: ${reason}`);
  });
}
