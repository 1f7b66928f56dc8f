// Asks by multicast DNS for the addresses of a name until somebody answers, and prints them as JSON. Runs in a
// network namespace of its own.

import { queryMulticastDns } from '../../../src/host/devices/multicast-dns.ts';

const [name = ''] = process.argv.slice(2);
const { signal } = new AbortController();

let addresses: readonly string[] = [];
while (addresses.length === 0) addresses = await queryMulticastDns(name, signal);
console.log(JSON.stringify(addresses));
