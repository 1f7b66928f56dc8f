// A program that configures `eth0` as the net service does, prints the state of DHCP, and goes to another network whenever a line
// comes: node one-interface.ts DIRECTORY_OF_LEASES

import { createInterface } from 'node:readline';
import { LeaseStore } from '../../../src/device/net/lease-store.ts';
import { NetworkInterface } from '../../../src/device/net/network-interface.ts';
import { NetlinkSocket } from '../../../src/device/sys/netlink-socket.ts';
import { decodeLink, encodeDumpRequest, NETLINK_TYPE } from '../../../src/formats/netlink-message.ts';

const [, , directory = ''] = process.argv;
const netlink = new NetlinkSocket();
const links = netlink.dump(NETLINK_TYPE.getLink, encodeDumpRequest('any'));
const link = links.map(({ payload }) => decodeLink(payload)).find(({ name }) => name === 'eth0');
if (link === undefined) throw new Error('There is no eth0');

let told: string | undefined;
function tell(): void {
  const state = eth0.status([]).dhcp?.state;
  if (state !== told) console.log(`dhcp: ${state}`);
  told = state;
}

const eth0 = new NetworkInterface(
  link,
  { ipv4: 'dhcp' },
  {
    netlink,
    leases: new LeaseStore(directory, () => {}),
    hostname: 'garden',
    onChange: () => setImmediate(tell),
    log: () => {},
  },
);
createInterface(process.stdin).on('line', () => {
  eth0.forgetNetwork();
  tell();
  console.log('in another network');
});
