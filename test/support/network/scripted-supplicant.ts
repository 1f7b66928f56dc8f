// A supplicant by a script: it hears all that is asked over its control sockets, and answers as a test says.

import { UnixDatagramSocket } from '../../../src/device/sys/unix-datagram-socket.ts';

/** undefined: silence. */
export type Answer = (command: string) => string | undefined;

const ANSWERS: Readonly<Record<string, string>> = {
  INTERFACES: '',
  'GET_CAPABILITY auth_alg': 'OPEN SHARED SAE',
  SIGNAL_POLL: 'RSSI=-48\nLINKSPEED=65\nNOISE=9999\nFREQUENCY=2412\n',
  SCAN_RESULTS: 'bssid / frequency / signal level / flags / ssid\n',
};

export class ScriptedSupplicant {
  readonly asked: string[] = [];
  readonly #sockets: UnixDatagramSocket[];
  readonly #radio: UnixDatagramSocket;
  #networks = 0;
  /** Number of the network that it is in. */
  joined: number | undefined;
  #answer: Answer;

  /** `directory` has the sockets; `name` is the interface's. */
  constructor(directory: string, name: string, answer: Answer = () => undefined) {
    this.#answer = answer;
    const open = (own: string, peer: string): UnixDatagramSocket =>
      new UnixDatagramSocket(`${directory}/${own}`, `${directory}/${peer}`, 4096);
    this.#radio = open(name, `net-${name}`);
    this.#sockets = [open('supplicant', `net-add-${name}`), this.#radio];
    for (const socket of this.#sockets)
      socket.listen((bytes) => this.#onCommand(socket, Buffer.from(bytes).toString()));
  }

  /** From now on `answer` comes first, and what it leaves open is answered as usual. */
  script(answer: Answer): void {
    this.#answer = answer;
  }

  tell(event: string): void {
    this.#radio.send(Buffer.from(`<3>${event}`));
  }

  die(): void {
    for (const socket of this.#sockets) socket.close();
  }

  #onCommand(socket: UnixDatagramSocket, command: string): void {
    this.asked.push(command);
    const answer = this.#answer(command) ?? this.#usual(command);
    if (answer === SILENCE) return;
    try {
      socket.send(Buffer.from(answer));
    } catch {
      // Whoever has asked is gone.
    }
  }

  #usual(command: string): string {
    if (command === 'REMOVE_NETWORK all') this.#networks = 0;
    if (command === 'ADD_NETWORK') return `${this.#networks++}\n`;
    if (command === 'STATUS')
      return this.joined === undefined ? 'wpa_state=SCANNING\n' : `wpa_state=COMPLETED\nid=${this.joined}\n`;
    return ANSWERS[command] ?? 'OK\n';
  }
}

export const SILENCE = '(silence)';
