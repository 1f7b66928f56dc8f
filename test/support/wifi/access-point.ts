// The access points beside the device: Debian's hostapd in the same machine, on two radios in a network of its own that has the
// machine's cable. Who joins is in QEMU's network, whose DHCP server answers. Spoken to over a serial port: a line is a command
// of a shell.

import type { Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';

const COMMAND_LIMIT_MS = 5 * 60_000;
/** QEMU is not there yet, or is started anew. */
const RETRY_MS = 100;

export interface Air {
  ssid: string;
  /** Lines for hostapd.conf. */
  settings?: Readonly<Record<string, string | number>>;
}

/** The second one is for a network that has two access points. */
type Radio = 'wlan0' | 'wlan1';

export class AccessPoint {
  readonly #connect: () => Socket;
  #socket: Socket | undefined;
  #heard = '';
  #started = 0;
  #wake: () => void = () => undefined;

  constructor(connect: () => Socket) {
    this.#connect = connect;
  }

  /** Once after each start of the machine, which gives its cable and two radios away while commands are taken already. */
  async prepare(): Promise<void> {
    await this.run(
      'for each in eth0 wlan0 wlan1; do until ip link show $each > /dev/null 2>&1; do sleep 0.1; done; done',
    );
    await this.run(
      'ip link add br0 type bridge; ip link set br0 up; ip link set eth0 master br0; ip link set eth0 up',
    );
  }

  /**
   * By an address of its own each time: nobody else's access point has that of another one, and who joins remembers networks by
   * the address for half a minute after they are gone.
   */
  async start(air: Air, radio: Radio = 'wlan0'): Promise<void> {
    await this.stop(radio);
    this.#started++;
    const address = `02:00:00:00:01:${this.#started.toString(16).padStart(2, '0')}`;
    await this.run(`ip link set ${radio} down; ip link set ${radio} address ${address}`);
    const conf = hostapdConf(air, radio).replaceAll('\n', '\\n');
    await this.run(`printf '%b' '${conf}' > /tmp/${radio}.conf`);
    const log = `/tmp/${radio}.log`;
    await this.run(`hostapd -B -P ${pidFile(radio)} -f ${log} /tmp/${radio}.conf || { cat ${log}; false; }`);
  }

  async stop(radio: Radio = 'wlan0'): Promise<void> {
    const file = pidFile(radio);
    await this.run(
      `if [ -e ${file} ]; then kill $(cat ${file}); while [ -e ${file} ]; do sleep 0.1; done; fi`,
    );
  }

  /** What the command says. Throws when it fails, or never ends. */
  async run(command: string): Promise<string> {
    const deadline = Date.now() + COMMAND_LIMIT_MS;
    const socket = await this.#open(deadline);
    this.#heard = '';
    socket.write(`${command}\n`);
    for (;;) {
      const found = /^([^]*?)@rc (\d+)\n/.exec(this.#heard.replaceAll('\r', ''));
      if (found?.[2] === '0') return found[1] ?? '';
      if (found !== null) throw new Error(`The access point: "${command}" failed: ${found[1]}`);
      if (Date.now() > deadline)
        throw new Error(`The access point: "${command}" did not end: ${this.#heard}`);
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
        setTimeout(resolve, 1000).unref();
      });
    }
  }

  close(): void {
    this.#socket?.destroy();
    this.#socket = undefined;
  }

  async #open(deadline: number): Promise<Socket> {
    while (this.#socket === undefined) {
      if (Date.now() > deadline) throw new Error('The access point: its machine is not there');
      const socket = this.#connect();
      socket.on('error', () => undefined);
      const isOpen = await new Promise<boolean>((resolve) => {
        socket.once('connect', () => resolve(true));
        socket.once('error', () => resolve(false));
      });
      if (!isOpen) {
        await delay(RETRY_MS);
        continue;
      }
      socket.on('data', (bytes) => {
        this.#heard += bytes.toString('latin1');
        this.#wake();
      });
      socket.once('close', () => {
        this.#socket = undefined;
      });
      this.#socket = socket;
    }
    return this.#socket;
  }
}

function pidFile(radio: Radio): string {
  return `/run/${radio}.pid`;
}

function hostapdConf({ ssid, settings = {} }: Air, radio: Radio): string {
  const lines = {
    interface: radio,
    bridge: 'br0',
    ctrl_interface: '/run/hostapd',
    country_code: 'DE',
    ieee80211d: 1,
    hw_mode: 'g',
    channel: radio === 'wlan0' ? 1 : 6,
    ssid,
    ...settings,
  };
  return Object.entries(lines)
    .map(([key, value]) => `${key}=${value}\n`)
    .join('');
}

export const WPA2 = (passphrase: string) => ({
  wpa: 2,
  rsn_pairwise: 'CCMP',
  wpa_passphrase: passphrase,
  wpa_key_mgmt: 'WPA-PSK',
});
/** As the two of them together: who cannot do WPA3 joins by WPA2. */
export const MIXED = (passphrase: string) => ({
  ...WPA2(passphrase),
  wpa_key_mgmt: 'WPA-PSK SAE',
  ieee80211w: 1,
});
export const HIDDEN = { ignore_broadcast_ssid: 1 };
export const WPA3 = (passphrase: string) => ({
  ...WPA2(passphrase),
  wpa_key_mgmt: 'SAE',
  ieee80211w: 2,
  sae_pwe: 2,
});
