// The `net` service: the only program that configures the network. Started by init; bundled to /tsk/net.cjs.
// `--root DIR` puts a directory before every path, for tests.

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { NET_STATUS_PATH, RESOLV_CONF_PATH } from '../../shared/net-status.ts';
import { DEVICE_CONFIG_PATH, type DeviceConfig } from '../../shared/services.ts';
import { Network } from './network.ts';

const DATA_MOUNT_POINT = '/perm';

const { root } = parseArgs({ options: { root: { type: 'string', default: '/' } } }).values;
const device = JSON.parse(readFileSync(join(root, DEVICE_CONFIG_PATH), 'utf8')) as DeviceConfig;

new Network({
  hostname: device.hostname,
  config: device.network ?? {},
  paths: {
    status: join(root, NET_STATUS_PATH),
    resolvConf: join(root, RESOLV_CONF_PATH),
    data: join(root, DATA_MOUNT_POINT),
  },
  log: (text) => process.stdout.write(`net: ${text}\n`),
}).start();
