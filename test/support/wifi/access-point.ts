// The access point beside the device: Debian's hostapd in the same machine, in a network of its own that has the machine's cable.
// Who joins is in QEMU's network, whose DHCP server answers. Spoken to over a serial port: a line is a command of a shell.

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

export class AccessPoint {
  readonly #connect: () => Socket;
  #socket: Socket | undefined;
  #heard = '';
  #started = 0;
  #wake: () => void = () => undefined;

  constructor(connect: () => Socket) {
    this.#connect = connect;
  }

  /** Once after each start of the machine, which gives its cable and a radio away while commands are taken already. */
  async prepare(): Promise<void> {
    await this.run(
      'for each in eth0 wlan0; do until ip link show $each > /dev/null 2>&1; do sleep 0.1; done; done',
    );
    await this.run(
      'ip link add br0 type bridge; ip link set br0 up; ip link set eth0 master br0; ip link set eth0 up',
    );
  }

  /**
   * By an address of its own each time: nobody else's access point has that of another one, and who joins remembers networks by
   * the address for half a minute after they are gone.
   */
  async start(air: Air): Promise<void> {
    await this.stop();
    this.#started++;
    const address = `02:00:00:00:01:${this.#started.toString(16).padStart(2, '0')}`;
    await this.run(`ip link set wlan0 down; ip link set wlan0 address ${address}`);
    await this.run(`printf '%b' '${hostapdConf(air).replaceAll('\n', '\\n')}' > /tmp/h.conf`);
    await this.run('hostapd -B -P /run/h.pid -f /tmp/h.log /tmp/h.conf || { cat /tmp/h.log; false; }');
  }

  async stop(): Promise<void> {
    await this.run(
      'if [ -e /run/h.pid ]; then kill $(cat /run/h.pid); while [ -e /run/h.pid ]; do sleep 0.1; done; fi',
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

function hostapdConf({ ssid, settings = {} }: Air): string {
  const lines = {
    interface: 'wlan0',
    bridge: 'br0',
    ctrl_interface: '/run/hostapd',
    country_code: 'DE',
    ieee80211d: 1,
    hw_mode: 'g',
    channel: 1,
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
export const WPA3 = (passphrase: string) => ({
  ...WPA2(passphrase),
  wpa_key_mgmt: 'SAE',
  ieee80211w: 2,
  sae_pwe: 2,
});
