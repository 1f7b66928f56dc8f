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

const FLOW = [
  { id: 'tab', type: 'tab', label: 'hello' },
  { id: 'in', type: 'http in', z: 'tab', url: '/hello', method: 'get', wires: [['make']] },
  {
    id: 'make',
    type: 'function',
    z: 'tab',
    func: 'msg.payload = `hello ${6 * 7}`; return msg;',
    outputs: 1,
    wires: [['out']],
  },
  { id: 'out', type: 'http response', z: 'tab', wires: [] },
];

async function flowAnswers(place: Place): Promise<string> {
  const answer = await textOf(await askOf(place, 1880)('/hello'));
  assert.equal(answer, 'hello 42');
  return 'a flow answers';
}

async function textOf(response: Response): Promise<string> {
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
    port: 1880,
    async use(place) {
      const headers = { 'content-type': 'application/json', 'node-red-deployment-type': 'full' };
      const flow = { method: 'POST', headers, body: JSON.stringify(FLOW) };
      assert.equal((await askOf(place, 1880)('/flows', flow)).status, 204);
      return `${await flowAnswers(place)} that was deployed over HTTP`;
    },
    again: flowAnswers,
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
