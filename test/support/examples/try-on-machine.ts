// An example as an image that a virtual machine of its board starts, used by a cable of its own, restarted, and asked for what it
// was to keep.

import { openInstance } from '../../../src/host/config/instance.ts';
import { WEB_API } from '../../../src/shared/api/web-api.ts';
import { Appliance, eventually } from '../machines/appliance.ts';
import { HOST_BOARD_ID } from '../machines/host-board.ts';
import type { Lifetime } from '../updates/update-lab.ts';
import { ScriptedAdapter } from '../zigbee/scripted-adapter.ts';
import type { ExampleCase } from './example-cases.ts';
import { Lan, PREFIX_LENGTH } from './lan.ts';
import { type Place, serveAdapter, useExample } from './place.ts';

/** A program of thousands of files, emulated. */
const START_LIMIT_MS = 900_000;
/** The first one is the machine's own, by which its page is forwarded. */
const CABLE = 'eth1';

export interface TryOptions {
  /** Of the instance. */
  directory: string;
  /** For packages of those who use the example. */
  scratch: string;
}

/** Says what was seen, and after how long. */
export async function tryOnMachine(
  t: Lifetime,
  example: ExampleCase,
  { directory, scratch }: TryOptions,
): Promise<string> {
  const lan = Lan.createTap(t);
  const adapter = new ScriptedAdapter();
  const adapterPath = await serveAdapter(t, adapter, lan.hostAddress);
  const place: Place = { directory, lan, adapter, adapterPath, scratch };
  example.keepTo?.(directory, CABLE);
  const instance = await openInstance(directory);
  instance.config.board = HOST_BOARD_ID;
  const address = `${lan.deviceAddress}/${PREFIX_LENGTH}`;
  instance.config.network = { [CABLE]: { ipv4: 'static', address } };
  const began = Date.now();
  const machine = await Appliance.boot(t, instance, {
    board: HOST_BOARD_ID,
    extraQemuArgs: [
      '-netdev',
      `tap,id=cable,ifname=${lan.interfaceName},script=no,downscript=no`,
      '-device',
      'virtio-net-pci,netdev=cable,romfile=',
    ],
  });
  const logs = (): Promise<string[]> => Promise.all(example.apps.map((app) => machine.log(app)));
  const use = (act: ExampleCase['use']): Promise<string> =>
    useExample(place, { port: example.port, limitMs: START_LIMIT_MS, act, logs });
  const seen = await use(example.use);
  const seconds = Math.round((Date.now() - began) / 1000);
  const first = `built, started and used in ${seconds} s: ${seen}`;
  const memory = await memoryOf(machine, example);
  if (example.again === undefined) return `${first}; ${memory}`;
  await restart(machine);
  return `${first}; ${memory}; after a restart ${await use(example.again)}`;
}

async function memoryOf(machine: Appliance, { apps }: ExampleCase): Promise<string> {
  const { services } = await machine.status();
  return apps
    .map((app) => {
      const bytes = services.find(({ name }) => name === app)?.usage?.memoryBytes ?? 0;
      return `${app} has ${Math.round(bytes / 1e6)} MB`;
    })
    .join(', ');
}

async function restart(machine: Appliance): Promise<void> {
  const before = (await machine.status()).bootId;
  const response = await machine.request(WEB_API.reboot, 'POST');
  if (response.status !== 202) throw new Error(`Cannot restart the machine: ${await response.text()}`);
  await eventually(
    'the machine to be back',
    async () => (await machine.status()).bootId !== before,
    START_LIMIT_MS,
  );
}
