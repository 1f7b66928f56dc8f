// The `net` service: the only program that configures the network, and what a device does on one by itself: it asks for
// the time and answers to its name. Started by init; bundled to /tsk/net.cjs. `--root DIR` puts a directory before
// every path, for tests; the clock is then an imagined one.

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { NET_STATUS_PATH, RESOLV_CONF_PATH } from '../../shared/network/net-status.ts';
import { DEVICE_CONFIG_PATH, type DeviceConfig } from '../../shared/services/services.ts';
import { TIME_STATUS_PATH } from '../../shared/network/time-status.ts';
import { ImaginedClock, SystemClock } from '../sys/clock.ts';
import { linkIndexOf } from '../sys/network-interfaces.ts';
import { advertsOf } from './mdns/adverts.ts';
import { Mdns } from './mdns/mdns.ts';
import { Network } from './network.ts';
import { TimeClient } from './ntp/time-client.ts';
import { Wifi } from './wifi/wifi.ts';

const DATA_MOUNT_POINT = '/perm';

const { root } = parseArgs({ options: { root: { type: 'string', default: '/' } } }).values;
const device = JSON.parse(readFileSync(join(root, DEVICE_CONFIG_PATH), 'utf8')) as DeviceConfig;
const log = (text: string): void => {
  process.stdout.write(`${text}\n`);
};

const time = new TimeClient({
  configured: device.time?.servers,
  clock: root === '/' ? new SystemClock() : new ImaginedClock(),
  buildTimeSec: device.buildTimeSec,
  statusPath: join(root, TIME_STATUS_PATH),
  onStep: () => network.clockHasJumped(),
  log,
});

const mdns = new Mdns({
  hostname: device.hostname,
  services: advertsOf(device),
  linkIndexOf,
  onName: (name) => network.setMdnsName(name),
  log,
});

const wifi =
  device.wifi === undefined ? undefined : new Wifi({ onChange: () => network.wifiHasChanged(), log });

const network = new Network({
  hostname: device.hostname,
  config: device.network ?? {},
  ...(wifi && { wifi }),
  paths: {
    status: join(root, NET_STATUS_PATH),
    resolvConf: join(root, RESOLV_CONF_PATH),
    data: join(root, DATA_MOUNT_POINT),
  },
  onChange: (status) => {
    time.setNetwork(status);
    mdns.setNetwork(status);
  },
  log,
});
network.start();
wifi?.start();

// Addresses and routes stay as they are: apps still have things to say while they stop.
process.once('SIGTERM', () => {
  time.stop();
  mdns.stop();
  process.exit();
});
