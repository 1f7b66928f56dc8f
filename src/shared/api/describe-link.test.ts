import assert from 'node:assert/strict';
import { test } from 'node:test';
import { describeLink, describeOtherNetworks } from './describe-link.ts';

const WIFI = { ssid: 'home', signalDbm: -67, frequencyMHz: 2412, networks: [] };

test('describeLink tells a cable from a radio', () => {
  assert.equal(describeLink({ carrier: true }), 'cable plugged in');
  assert.equal(describeLink({ carrier: false }), 'no cable');
  assert.equal(describeLink({ carrier: true, wifi: WIFI }), 'Wi-Fi "home", strong (-67 dBm)');
  assert.equal(
    describeLink({ carrier: true, wifi: { ...WIFI, signalDbm: -68 } }),
    'Wi-Fi "home", fair (-68 dBm)',
  );
  assert.equal(
    describeLink({ carrier: true, wifi: { ...WIFI, signalDbm: -81 } }),
    'Wi-Fi "home", faint (-81 dBm)',
  );
  assert.equal(describeLink({ carrier: true, wifi: { ...WIFI, signalDbm: null } }), 'Wi-Fi "home"');
  assert.equal(describeLink({ carrier: false, wifi: { ...WIFI, ssid: null } }), 'no Wi-Fi');
});

test('describeOtherNetworks leaves out the one that it is in, and those without a problem', () => {
  const networks = [
    { ssid: 'home', problem: 'refuses the device' },
    { ssid: 'lab', problem: 'is not in reach' },
    { ssid: 'guests', problem: null },
  ];
  assert.deepEqual(describeOtherNetworks({ wifi: { ...WIFI, networks } }), ['"lab" is not in reach']);
  assert.deepEqual(describeOtherNetworks({}), []);
});
