// What the kernel says of what others did: devices, refused calls, sockets. Names in it are theirs.

import { parseNetDev } from '../../../src/device/proc-format.ts';
import { parseRefusedCall } from '../../../src/device/init/refused-calls.ts';
import { parseUevent } from '../../../src/formats/uevent.ts';
import { userOfConnection } from '../../../src/host/devices/owns-connection.ts';
import { type FuzzTarget, utf8 } from '../fuzz-target.ts';

const text = (input: Uint8Array): string => Buffer.from(input).toString('latin1');

const AUDIT_RECORD =
  'audit: type=1326 audit(1795902047.254:2): auid=4294967295 uid=300000000 gid=7 ses=4294967295 subj=kernel pid=5553 ' +
  'comm="node-MainThread" exe="/bin/node" sig=0 arch=c000003e syscall=250 compat=0 ip=0x7f124311f829 code=0x50000';

const CONNECTIONS = `  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1000        0 20001 1 0 100 0 0 10 0
   1: 0100007F:C001 0100007F:1F90 06 00000000:00000000 03:0000176F 00000000     0        0 0 3 0
   2: 0100007F:C002 0100007F:1F90 01 00000000:00000000 00:00000000 00000000  1001        0 20003 1 0 20 4 30 10 -1
`;

const INTERFACES = `Inter-|   Receive                                                |  Transmit
 face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop fifo colls carrier compressed
    lo: 1500 12 0 0 0 0 0 0 1500 12 0 0 0 0 0 0
  eth0:123456 789 0 0 0 0 0 0 654321 987 0 0 0 0 0 0
`;

export const KERNEL_TARGETS = {
  uevent: {
    corpus: () => [
      utf8(
        'add@/devices/pci0000:00/usb1/1-1\0ACTION=add\0SUBSYSTEM=usb\0MODALIAS=usb:v046DpC52B\0SEQNUM=1\0',
      ),
      utf8('libudev\0\xfe\xed\xca\xfe'),
    ],
    run: (input) => {
      const uevent = parseUevent(input);
      if (uevent !== undefined && (!uevent.path.startsWith('/') || /\0/.test(Object.values(uevent).join(''))))
        throw new Error(`Took for an announcement: ${JSON.stringify(uevent)}`);
      return uevent && `${uevent.action} ${uevent.modalias !== undefined}`;
    },
    refuses: () => false,
    form: 'text',
  },
  'refused-call': {
    corpus: () => [utf8(AUDIT_RECORD)],
    run: (input) => {
      const refused = parseRefusedCall(text(input));
      if (refused !== undefined && (Number.isNaN(refused.uid) || Number.isNaN(refused.pid)))
        throw new Error(`Took for a refused call: ${JSON.stringify(refused)}`);
      return refused?.call;
    },
    refuses: () => false,
    form: 'text',
  },
  'proc-net': {
    corpus: () => [utf8(CONNECTIONS), utf8(INTERFACES)],
    run: (input) => {
      const [local, remote] = [0xc002, 8080].map((port) => ({ address: '127.0.0.1', port }));
      const user = local && remote && userOfConnection(text(input), local, remote);
      return `${user === undefined} ${Math.min(9, parseNetDev(text(input)).length)}`;
    },
    refuses: () => false,
    form: 'text',
  },
} satisfies Record<string, FuzzTarget>;
