// What a phone does with a bridge for HomeKit: finds it by multicast DNS, pairs with it by the code, sees its switches and
// uses them. By a library of npm's registry that is none of ours (hap-controller), fetched when it is needed.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createRequire } from 'node:module';
import { installPackages, packageFile, type Place } from './place.ts';

const LIBRARY = 'hap-controller@0.10.2';
/** The type of a characteristic: whether a switch is on. */
const ON = '00000025-0000-1000-8000-0026BB765291';

interface FoundBridge {
  id: string;
  name: string;
  address: string;
  port: number;
  availableToPair: boolean;
}

interface HttpClient {
  pairSetup(pin: string): Promise<void>;
  getLongTermData(): object;
  getAccessories(): Promise<{ accessories: Accessory[] }>;
  getCharacteristics(ids: string[]): Promise<{ characteristics: { value: unknown }[] }>;
  setCharacteristics(values: Record<string, unknown>): Promise<unknown>;
  close(): Promise<void>;
}

interface Accessory {
  aid: number;
  services: { characteristics: { iid: number; type: string }[] }[];
}

interface Discovery extends NodeJS.EventEmitter {
  start(): void;
  stop(): void;
}

interface Library {
  HttpClient: new (id: string, address: string, port: number, pairing?: object) => HttpClient;
  IPDiscovery: new (interfaceName: string) => Discovery;
}

/** Its entry loads Bluetooth too. */
function loadLibrary(directory: string): Library {
  installPackages(directory, LIBRARY);
  const load = createRequire(packageFile(directory, 'hap-controller/'));
  const of = (path: string): unknown =>
    (load(`hap-controller/lib/transport/ip/${path}`) as { default: unknown }).default;
  return { HttpClient: of('http-client'), IPDiscovery: of('ip-discovery') } as Library;
}

export class HomeClient {
  readonly #library: Library;
  readonly #place: Place;
  #pairing: object | undefined;

  constructor(place: Place) {
    this.#place = place;
    this.#library = loadLibrary(place.scratch);
  }

  async find(): Promise<FoundBridge> {
    const discovery = new this.#library.IPDiscovery(this.#place.lan.interfaceName);
    discovery.start();
    try {
      const [found] = (await once(discovery, 'serviceUp')) as [FoundBridge];
      return found;
    } finally {
      discovery.stop();
    }
  }

  async pair(bridge: FoundBridge, pin: string): Promise<void> {
    const client = new this.#library.HttpClient(bridge.id, this.#place.lan.deviceAddress, bridge.port);
    await client.pairSetup(pin);
    this.#pairing = client.getLongTermData();
    await client.close();
  }

  /** Switches the first one it has, as who is paired may. */
  async useSwitch(bridge: FoundBridge): Promise<void> {
    const address = this.#place.lan.deviceAddress;
    const client = new this.#library.HttpClient(bridge.id, address, bridge.port, this.#pairing);
    const { accessories } = await client.getAccessories();
    const id = accessories.flatMap(({ aid, services }) =>
      services.flatMap(({ characteristics }) =>
        characteristics.filter(({ type }) => type === ON).map(({ iid }) => `${aid}.${iid}`),
      ),
    )[0];
    assert.ok(id !== undefined, JSON.stringify(accessories));
    for (const value of [true, false]) {
      await client.setCharacteristics({ [id]: value });
      const { characteristics } = await client.getCharacteristics([id]);
      assert.equal(Boolean(characteristics[0]?.value), value);
    }
    await client.close();
  }
}
