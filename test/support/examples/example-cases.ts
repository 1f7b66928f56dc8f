// What is done with each example that is a server, once it has started: what a person would do first.

import assert from 'node:assert/strict';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { HomeClient } from './home-client.ts';
import { askOf, type Place } from './place.ts';
import { chooseAdapter, ZIGBEE_PORT, ZigbeePage } from './zigbee-page.ts';

export interface ExampleCase {
  /** In the order of their start; the last is the one that is used. */
  apps: readonly string[];
  port: number;
  /** Has the instance in that directory use one of the machine's two networks alone. */
  keepTo?: (directory: string, interfaceName: string) => void;
  /** Says what was seen. */
  use: (place: Place) => Promise<string>;
  /** After a restart of the apps: what is to be kept. */
  again?: (place: Place) => Promise<string>;
}

const NODE_RED_PORT = 1880;

/** What is asked for, a function, and nodes of the types that are named, one after another. */
function flowThrough(types: readonly string[]): object[] {
  const ids = ['make', ...types.map((type) => `a-${type}`), 'out'];
  const wires = (index: number): string[][] => [ids.slice(index, index + 1)];
  return [
    { id: 'tab', type: 'tab', label: 'hello' },
    { id: 'in', type: 'http in', z: 'tab', url: '/hello', method: 'get', wires: wires(0) },
    {
      id: 'make',
      type: 'function',
      z: 'tab',
      func: 'msg.payload = `hello ${6 * 7}`; return msg;',
      outputs: 1,
      wires: wires(1),
    },
    ...types.map((type, index) => ({ id: `a-${type}`, type, z: 'tab', wires: wires(index + 2) })),
    { id: 'out', type: 'http response', z: 'tab', wires: [] },
  ];
}

/** As the editor of Node-RED does it. */
export async function deployFlow(place: Place, types: readonly string[] = []): Promise<void> {
  const headers = { 'content-type': 'application/json', 'node-red-deployment-type': 'full' };
  const flow = { method: 'POST', headers, body: JSON.stringify(flowThrough(types)) };
  assert.equal((await askOf(place, NODE_RED_PORT)('/flows', flow)).status, 204);
}

export async function flowAnswers(place: Place, expected = 'hello 42'): Promise<string> {
  assert.equal(await textOf(await askOf(place, NODE_RED_PORT)('/hello')), expected);
  return 'a flow answers';
}

export async function textOf(response: Response): Promise<string> {
  const text = await response.text();
  assert.ok(response.ok, `${response.status} ${text.slice(0, 200)}`);
  return text;
}

/** Each with what it remembers from `use` to `again`. */
export const EXAMPLE_CASES: Readonly<Record<string, () => ExampleCase>> = {
  nextjs: () => ({
    apps: ['site'],
    port: 3000,
    async use(place) {
      const ask = askOf(place, 3000);
      const page = await textOf(await ask('/'));
      assert.match(page, /src="data:image\/png;base64,iVBOR/);
      const script = /src="(\/_next\/static\/[^"]+)"/.exec(page)?.[1] ?? '';
      await textOf(await ask(script));
      return 'a page with a picture of sharp, and its script';
    },
  }),
  nestjs: () => ({
    apps: ['greeter'],
    port: 3000,
    async use(place) {
      assert.match(await textOf(await askOf(place, 3000)('/')), /^Hello from /);
      return 'a controller answers by its service';
    },
  }),
  'fastify-sqlite': () => ({
    apps: ['visits'],
    port: 3000,
    async use(place) {
      for (const count of [1, 2]) {
        const answer = await askOf(place, 3000)('/', { method: 'POST' });
        assert.deepEqual(JSON.parse(await textOf(answer)), { count });
      }
      return 'counts to 2';
    },
    async again(place) {
      assert.match(await textOf(await askOf(place, 3000)('/')), /"count":2/);
      return '2 are still there';
    },
  }),
  'node-red': () => ({
    apps: ['red'],
    port: NODE_RED_PORT,
    async use(place) {
      await deployFlow(place);
      return `${await flowAnswers(place)} that was deployed over HTTP`;
    },
    again: (place) => flowAnswers(place),
  }),
  homebridge: pairedBridge,
  zigbee2mqtt: () => ({
    apps: ['mqtt', 'zigbee'],
    port: ZIGBEE_PORT,
    async use(place) {
      await chooseAdapter(place);
      const page = await ZigbeePage.open(place);
      await page.isOnline();
      await page.letJoin();
      place.adapter.reportTemperature(21.5);
      await page.temperatureIs(21.5);
      page.close();
      assert.deepEqual(place.adapter.unknown, []);
      return 'the adapter is chosen on its page, a thermometer joins, and what it reports is published';
    },
    async again(place) {
      const page = await ZigbeePage.open(place);
      await page.isOnline();
      place.adapter.reportTemperature(-3.25);
      await page.temperatureIs(-3.25);
      page.close();
      return 'it goes on with the thermometer';
    },
  }),
};

const BRIDGE_PORT = 51826;

/** Of the example, or of an instance made from the template. */
function configOf(directory: string): string {
  const paths = ['config.json', 'homebridge/config.json'].map((name) => join(directory, name));
  return paths.find((path) => existsSync(path)) ?? '';
}

function pinOf(directory: string): string {
  const { bridge } = JSON.parse(readFileSync(configOf(directory), 'utf8')) as { bridge: { pin: string } };
  return bridge.pin;
}

function pairedBridge(): ExampleCase {
  let home: HomeClient;
  return {
    apps: ['bridge'],
    port: BRIDGE_PORT,
    // The one of its two responders that can: the other one speaks in the network of the default route alone.
    keepTo(directory, interfaceName) {
      const path = configOf(directory);
      const config = JSON.parse(readFileSync(path, 'utf8')) as { bridge: object };
      const bridge = { ...config.bridge, bind: [interfaceName], advertiser: 'ciao' };
      writeFileSync(path, JSON.stringify({ ...config, bridge }));
    },
    async use(place) {
      const ask = askOf(place, BRIDGE_PORT);
      // HomeKit Accessory Protocol: only who is paired may see what there is, and who is not may have it blink.
      assert.equal((await ask('/accessories')).status, 470);
      assert.equal((await ask('/identify', { method: 'POST' })).status, 204);
      home = new HomeClient(place);
      const bridge = await home.find();
      assert.deepEqual([bridge.port, bridge.availableToPair], [BRIDGE_PORT, true]);
      await home.pair(bridge, pinOf(place.directory));
      await home.useSwitch(bridge);
      return `is found by multicast DNS as "${bridge.name}", paired, and its switch is used`;
    },
    async again() {
      const bridge = await home.find();
      assert.equal(bridge.availableToPair, false);
      await home.useSwitch(bridge);
      return 'is still paired';
    },
  };
}
