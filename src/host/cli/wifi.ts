// tsk wifi: which Wi-Fi networks a device knows.

import { Option } from 'commander';
import type { Command } from 'commander';
import { hostOption, insecureHttpOption } from './device-session.ts';
import type { DeviceWifiOptions } from './device-wifi.ts';
import type { WifiAddOptions, WifiRemoveOptions } from './wifi-networks.ts';
import { examples, type Session, type VerbAdder } from './session.ts';

export const addWifiVerb: VerbAdder = (program, action) => {
  const wifi = program
    .command('wifi')
    .summary('add, list or remove the Wi-Fi networks of a device')
    .description(
      'Networks and their keys. They lie in .tskrazy/wifi.json, and on the boot partition of a disk that is written from here; ' +
        'the device takes them from there at its first start. No image and no update has them. With --device or --host they ' +
        'are those of the running device: it tries what is added, and goes back by itself where nobody reaches it then.',
    )
    .addHelpText('after', examples(['tsk wifi add home', 'asks for the passphrase']));
  onDevice(wifi.command('add'))
    .summary('add a network: asks for its passphrase, or reads it from standard input')
    .description(
      'Add a network. At a terminal it asks for the passphrase and shows nothing; otherwise that is standard input, without ' +
        'the newline at its end. What is kept is the key that it makes for this network; for WPA3 it is the passphrase itself.',
    )
    .argument('<ssid>', 'name of the network')
    .argument('[passphrase...]', 'not here: see above')
    .option('--country <country>', 'where the device is, as in DE or US; needed once')
    .option('--hidden', 'the network does not say its name')
    .option('--open', 'the network has no passphrase')
    .option('--wpa3', 'the network takes WPA3 and nothing else')
    .option('--no-try', 'on a device: keep it as it comes, for another place')
    .option('--json', 'print JSON')
    .addHelpText(
      'after',
      examples(
        ['tsk wifi add home --country DE', 'the first network of an instance'],
        ['pass show wifi/home | tsk wifi add home', 'from another program'],
        ['tsk wifi add home --device', 'on the running device, which tries it'],
        ['tsk wifi add guests --open', 'a network that everybody may join, and listen to'],
      ),
    )
    .action(action(runAdd));
  onDevice(wifi.command('list'))
    .summary('show which networks there are')
    .description(
      'Show the networks of tskrazy.json and those with a key here, or those of the running device. No key is shown.',
    )
    .option('--json', 'print JSON')
    .addHelpText(
      'after',
      examples(
        ['tsk wifi list', 'what has to be added before a flash'],
        ['tsk wifi list --device', 'what the device knows'],
      ),
    )
    .action(action(runList));
  onDevice(wifi.command('remove'))
    .summary('remove a network')
    .description('Remove the key of a network here, or a network of the running device.')
    .argument('<ssid>', 'name of the network')
    .option('--even-joined', 'on a device: also when it is in this network now')
    .option('--json', 'print JSON')
    .addHelpText('after', examples(['tsk wifi remove home', 'it is needed no more']))
    .action(action(runRemove));
};

function onDevice(command: Command): Command {
  return command
    .addOption(new Option('--device', "of this instance's running device"))
    .addOption(hostOption())
    .addOption(insecureHttpOption());
}

async function runAdd(
  session: Session,
  ssid: string,
  passphrase: readonly string[],
  options: WifiAddOptions,
): Promise<void> {
  const { addNetwork } = await import('./wifi-networks.ts');
  await addNetwork(session, ssid, passphrase, options);
}

async function runList(session: Session, options: DeviceWifiOptions): Promise<void> {
  const { listNetworks } = await import('./wifi-networks.ts');
  await listNetworks(session, options);
}

async function runRemove(session: Session, ssid: string, options: WifiRemoveOptions): Promise<void> {
  const { removeNetwork } = await import('./wifi-networks.ts');
  await removeNetwork(session, ssid, options);
}
