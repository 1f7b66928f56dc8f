// What tsk open does.

import { once } from 'node:events';
import type { OpenDevice } from '../devices/open-device.ts';
import { startPageRelay } from '../devices/page-relay.ts';
import { connect, type DeviceOptions } from './device-session.ts';
import { startBrowser } from './start-browser.ts';
import type { Session } from './session.ts';

export interface OpenOptions extends DeviceOptions {
  browser: boolean;
}

export async function openPage(session: Session, options: OpenOptions): Promise<void> {
  await showPage(session, await connect(session, options), options);
}

/** Until Ctrl-C. `stored`: what the tab is to keep besides its login. */
export async function showPage(
  { output, signal }: Session,
  { client, status, instance }: OpenDevice,
  { browser, stored = {} }: { browser: boolean; stored?: Readonly<Record<string, string>> },
): Promise<void> {
  // Ctrl-C ends what the browser does; the session on the device is ended after it.
  const relay = await startPageRelay(client.withSignal(new AbortController().signal), { stored });
  const cleanUp = browser ? await startBrowser(instance.stateDirectory, relay.url) : undefined;
  try {
    const isOpen = cleanUp !== undefined;
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
    await cleanUp?.();
    await relay.close();
  }
}
