// An app that is root and has the boot switch in its hands: what it is told over HTTP it does, and says how it went.
// The app keeps what there is to remember apart from init's.

import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { linuxSys } from '../../../../src/device/sys/linux.ts';
import type { Sys } from '../../../../src/device/sys/sys.ts';
import { LoaderFiles } from '../../../../src/device/boot-loader/loader-files.ts';
import { openBootSwitch } from '../../../../src/device/init/update/open-boot-switch.ts';
import { openUpdateDisk } from '../../../../src/device/update/update-disk.ts';
import { layoutOf } from '../../../../src/shared/boot-loader/layout-of.ts';
import { isSlot, type Slot } from '../../../../src/shared/board/slots.ts';
import { HOST_BOARD } from '../host-board.ts';

const PORT = 8081;
const RESTARTS = ['restart-into-trial', 'panic'];
const OWN_STATE = '/perm/boot-switcher';

const sys: Sys = {
  ...linuxSys(),
  path: (path) => path.replace('/perm/tskrazy', OWN_STATE),
};
mkdirSync(OWN_STATE, { recursive: true });
const said: string[] = [];
const { boot } = HOST_BOARD;
const layout = layoutOf(boot);
const opened = openBootSwitch(sys, boot, (text) => said.push(text));
const trace = opened.then((bootSwitch) => bootSwitch.takeTrace());

async function act(name: string, slot: Slot, text: string): Promise<void> {
  const bootSwitch = await opened;
  switch (name) {
    case 'arm':
      return bootSwitch.armTrial(slot);
    case 'commit':
      return bootSwitch.commit(slot);
    case 'renew-entry': {
      using disk = openUpdateDisk(sys, layout, 'write');
      const rootPartitionGuid = await disk.rootGuid(slot);
      const loader = new LoaderFiles(layout, disk.boot);
      await loader.renew({ rootPartitionGuid, slot, kernelArgs: text.split(' ') });
      await disk.dropCaches();
      return;
    }
    default:
      throw new Error(`"${name}" is nothing that can be done`);
  }
}

async function restart(name: string): Promise<void> {
  if (name === 'restart-into-trial') await (await opened).restartIntoTrial();
  else writeFileSync('/proc/sysrq-trigger', 'c');
}

async function state(): Promise<object> {
  const bootSwitch = await opened;
  return {
    bootId: readFileSync('/proc/sys/kernel/random/boot_id', 'latin1').trim(),
    cmdline: readFileSync('/proc/cmdline', 'latin1').trim(),
    committed: await bootSwitch.committed(),
    trialStart: bootSwitch.trialStart,
    trace: await trace,
    said,
  };
}

const server = createServer((request, response) => {
  const { pathname, searchParams } = new URL(request.url ?? '/', 'http://device');
  const name = pathname.slice(1);
  const slot = searchParams.get('slot') ?? '';
  if (RESTARTS.includes(name)) {
    // First the answer, which the restart would swallow.
    response.end('{}', () => void restart(name));
    return;
  }
  const done =
    request.method === 'POST' && isSlot(slot) ? act(name, slot, searchParams.get('text') ?? '') : state();
  void done.then(
    (result) => response.end(JSON.stringify(result ?? {})),
    (error: unknown) => {
      response.statusCode = 500;
      response.end(error instanceof Error ? error.stack : String(error));
    },
  );
});
server.listen(PORT, () => console.log(`Listening on port ${PORT}`));
