// The page of Zigbee2MQTT as a browser uses it: the form of the first start, and then a socket on which it has all that
// the program publishes by MQTT, and by which it publishes.

import assert from 'node:assert/strict';
import { eventually } from '../machines/appliance.ts';
import { THERMOMETER } from '../zigbee/thermometer.ts';
import { type Ask, askOf, type Place } from './place.ts';

export const ZIGBEE_PORT = 8080;
const LIMIT_MS = 300_000;

interface Message {
  topic: string;
  payload: unknown;
}

/** The form, filled in as far as one must. */
export async function chooseAdapter(place: Place): Promise<void> {
  const ask: Ask = askOf(place, ZIGBEE_PORT);
  assert.match(await (await ask('/')).text(), /Zigbee2MQTT/i);
  const settings = {
    serial: { port: place.adapterPath, adapter: 'zstack' },
    mqtt: { server: 'mqtt://localhost:1883' },
  };
  const answer = await ask('/submit', { method: 'POST', body: JSON.stringify(settings) });
  assert.equal(answer.status, 200, await answer.text());
}

export class ZigbeePage {
  readonly #socket: WebSocket;
  readonly #messages: Message[] = [];

  private constructor(socket: WebSocket) {
    this.#socket = socket;
    socket.addEventListener('message', ({ data }) => {
      this.#messages.push(JSON.parse(String(data)) as Message);
    });
  }

  static open({ lan }: Place): Promise<ZigbeePage> {
    const url = `ws://${lan.deviceAddress}:${ZIGBEE_PORT}/api`;
    const tryOnce = async (): Promise<ZigbeePage> => {
      const socket = new WebSocket(url);
      const page = new ZigbeePage(socket);
      await new Promise((resolve, reject) => {
        socket.addEventListener('open', resolve, { once: true });
        socket.addEventListener('error', () => reject(new Error(`${url} is not open`)), { once: true });
      });
      return page;
    };
    return eventually(`the socket of the page, ${url}`, tryOnce, LIMIT_MS);
  }

  async published(what: string, fits: (message: Message) => boolean): Promise<void> {
    await eventually(what, async () => this.#messages.some(fits), LIMIT_MS);
  }

  publish(topic: string, payload: object): void {
    this.#socket.send(JSON.stringify({ topic, payload }));
  }

  async isOnline(): Promise<void> {
    await this.published('the bridge to be online', ({ topic, payload }) => {
      return topic === 'bridge/state' && (payload as { state?: string }).state === 'online';
    });
  }

  /** Allows it until one has. */
  async letJoin(): Promise<void> {
    this.publish('bridge/request/permit_join', { time: 200 });
    await this.published('the thermometer to join', isInterviewed);
  }

  async temperatureIs(celsius: number): Promise<void> {
    await this.published(`${celsius} degrees`, ({ topic, payload }) => {
      return (
        topic === THERMOMETER.ieeeAddress && (payload as { temperature?: number }).temperature === celsius
      );
    });
  }

  close(): void {
    this.#socket.close();
  }
}

function isInterviewed({ topic, payload }: Message): boolean {
  const { type, data } = payload as { type?: string; data?: { status?: string; ieee_address?: string } };
  const isIt = data?.ieee_address === THERMOMETER.ieeeAddress;
  return topic === 'bridge/event' && type === 'device_interview' && isIt && data?.status === 'successful';
}
