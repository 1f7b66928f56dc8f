// What tsk open does.

import { once } from 'node:events';
import { startPageRelay } from '../devices/page-relay.ts';
import { connect } from './device-session.ts';
import type { OpenOptions } from './open.ts';
import { startBrowser } from './start-browser.ts';
import type { Session } from './session.ts';

export async function openPage(session: Session, options: OpenOptions): Promise<void> {
  const { output, signal } = session;
  // Ctrl-C ends what the browser does; the session on the device is ended after it.
  const { client, status } = await connect(session, options);
  const relay = await startPageRelay(client.withSignal(new AbortController().signal));
  try {
    const isOpen = options.browser && (await startBrowser(relay.url));
    const { hostname } = status.system;
    output.say(
      isOpen
        ? `The page of ${hostname} is opened in your browser. If it does not appear, open this address, which works once:`
        : `Open the page of ${hostname} by this address, which works once:`,
    );
    output.result({ url: relay.url }, `  ${relay.url}`);
    output.say('Ctrl-C ends it.');
    if (!signal.aborted) await once(signal, 'abort');
  } finally {
    await relay.close();
  }
}
