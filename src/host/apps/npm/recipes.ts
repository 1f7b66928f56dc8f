// What is known of single programs: how each is told where its data belong, and what belongs to it in tskrazy.json. A recipe
// is data only, and programs without one work all the same.

import type { AppFileEntry } from '../../../shared/config/app.ts';

export interface Recipe {
  /** Before those of tskrazy.json. */
  args?: readonly string[];
  env?: Readonly<Record<string, string>>;
  /** Besides, where the program installs packages on the device: how it is told where they lie. */
  onDevice?: Pick<Recipe, 'args' | 'env'>;
  /** What `tsk add` and `tsk new` write into tskrazy.json, where people see and change it. */
  config?: Pick<AppFileEntry, 'env' | 'health' | 'ports' | 'sandbox'>;
}

/** Stands for the app's data directory. */
const DATA = '${dataDir}';

/** By the name of the package. */
const RECIPES: Readonly<Record<string, Recipe>> = {
  homebridge: {
    args: ['-U', DATA],
    // The variable is for its page, homebridge-config-ui-x.
    onDevice: {
      args: ['-P', `${DATA}/node_modules`],
      env: { UIX_CUSTOM_PLUGIN_PATH: `${DATA}/node_modules` },
    },
    // Homebridge answers to multicast DNS beside the device.
    config: { ports: ['any', 'udp/5353'] },
  },
  'node-red': {
    args: ['--userDir', DATA],
    config: { health: 'http://localhost:1880/' },
  },
  zigbee2mqtt: {
    env: { ZIGBEE2MQTT_DATA: DATA },
    // The page on which one first chooses the adapter is at the same address. Its form switches the page itself off unless one
    // asks for it, and then nothing would answer where `health` looks.
    config: {
      env: { ZIGBEE2MQTT_CONFIG_FRONTEND_ENABLED: 'true' },
      health: 'http://localhost:8080/',
      sandbox: { devices: ['/dev/serial/by-id/*', '/dev/ttyUSB*', '/dev/ttyACM*'] },
    },
  },
};

export function recipeOf(packageName: string): Recipe {
  return Object.hasOwn(RECIPES, packageName) ? (RECIPES[packageName] ?? {}) : {};
}

/** Arguments and variables for this data directory. */
export function launchOf(
  packageName: string,
  dataDirectory: string,
  installsOnDevice = false,
): { args: string[]; env: Record<string, string> } {
  const recipe = recipeOf(packageName);
  const onDevice = installsOnDevice ? recipe.onDevice : undefined;
  const args = [...(recipe.args ?? []), ...(onDevice?.args ?? [])];
  const env = { ...recipe.env, ...onDevice?.env };
  const fill = (text: string) => text.replaceAll(DATA, dataDirectory);
  return {
    args: args.map(fill),
    env: Object.fromEntries(Object.entries(env).map(([name, value]) => [name, fill(value)])),
  };
}
