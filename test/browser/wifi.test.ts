// The Wi-Fi networks of a device in Chromium: shown, added on trial, removed.

import assert from 'node:assert/strict';
import { after, before, suite, test } from 'node:test';

import { logIn, overflowOf, PageVisitor, skipWithoutChromium } from '../support/web/page-visitor.ts';
import { WIFI_TRIAL_LIMIT_MS } from '../../src/shared/network/wifi-api.ts';
import type { WifiNetwork } from '../../src/shared/network/wifi-file.ts';

const HOME: WifiNetwork = { ssid: 'home', psk: 'ab'.repeat(32) };

suite('Wi-Fi on the status page', { skip: skipWithoutChromium }, () => {
  let visitor: PageVisitor;
  before(async () => {
    visitor = await PageVisitor.launch();
  });
  after(() => visitor.close());

  test('adds a network, which the page keeps by being there, and removes one', async (t) => {
    const visited = await visitor.visit(t, { wifi: [HOME, { ssid: 'shed', open: true, hidden: true }] });
    const { page, device, complaints } = visited;
    const { wifi } = device.init;
    assert.ok(wifi);
    wifi.radio({ ssid: 'home', signalDbm: -48, frequencyMHz: 2412 });
    await logIn(visited);
    const card = page.getByRole('region', { name: 'Wi-Fi' });
    await card.getByText('WPA2, joined').waitFor();
    await card.getByText('open, hidden').waitFor();

    await card.getByText('Add a network').click();
    await card.getByRole('textbox', { name: 'Name' }).fill('lab');
    await card.getByLabel('Protection').selectOption('WPA3 only');
    await card.getByLabel('Passphrase').fill('correct horse');
    if (process.env['TSK_TEST_PICTURES'] !== undefined)
      await card.screenshot({ path: `${process.env['TSK_TEST_PICTURES']}/wifi-form.png` });
    await card.getByRole('button', { name: 'Add network' }).click();
    const notice = page.locator('.notice', { hasText: 'Wi-Fi network "lab"' });
    await notice.getByText('is being tried: the device joins it.').waitFor();
    assert.equal(wifi.handed()?.trial?.ssid, 'lab');
    wifi.joinTried();
    await notice.getByText('was tried, and is kept.').waitFor();
    await card.getByText('WPA3 only, joined').waitFor();
    assert.deepEqual(
      wifi.handed()?.networks.map(({ ssid }) => ssid),
      ['lab', 'home', 'shed'],
    );

    await card.getByRole('button', { name: 'Remove shed' }).click();
    await page.getByRole('dialog').getByText('forgets its key').waitFor();
    await page.getByRole('dialog').getByRole('button', { name: 'Remove' }).click();
    await card.getByText('shed').waitFor({ state: 'detached' });
    await card.getByRole('button', { name: 'Remove lab' }).click();
    await page.getByRole('dialog').getByText('The device is in this network now').waitFor();
    await page.getByRole('dialog').getByRole('button', { name: 'Cancel' }).click();
    await page.setViewportSize({ width: 390, height: 800 });
    assert.equal(await overflowOf(page), 0);
    assert.ok(!(await page.content()).includes('correct horse'));
    assert.deepEqual(complaints, []);
  });

  test('says why a network is not kept, and what is wrong with a form', async (t) => {
    const visited = await visitor.visit(t, { wifi: [HOME] });
    const { page, device, complaints } = visited;
    const { wifi } = device.init;
    assert.ok(wifi);
    wifi.radio({ ssid: 'home' });
    await logIn(visited);
    const card = page.getByRole('region', { name: 'Wi-Fi' });
    const add = async (name: string) => {
      await card.getByRole('textbox', { name: 'Name' }).fill(name);
      await card.getByLabel('Passphrase').fill('correct horse');
      await card.getByRole('button', { name: 'Add network' }).click();
    };
    await card.getByText('Add a network').click();
    // 17 characters, 34 bytes: only the device knows that.
    await add('ü'.repeat(17));
    await card.getByRole('alert').getByText('its name has 34 bytes, and 32 are allowed').waitFor();
    assert.match(complaints.splice(0).join('\n'), /^Failed to load resource: .*400/);
    await add('lab');
    const notice = page.locator('.notice', { hasText: 'Wi-Fi network "lab"' });
    await notice.getByText('is being tried').waitFor();
    wifi.failTried('refuses the password: it is wrong');
    await notice.getByText('is not kept: it refuses the password: it is wrong.').waitFor();
    if (process.env['TSK_TEST_PICTURES'] !== undefined)
      await page.screenshot({ path: `${process.env['TSK_TEST_PICTURES']}/wifi-page.png`, fullPage: true });
    assert.deepEqual(wifi.handed()?.networks, [HOME]);
    assert.deepEqual(complaints, []);
  });

  test('a page that has not begun a trial keeps the network by its button, and only then', async (t) => {
    const visited = await visitor.visit(t, { wifi: [HOME] });
    const { page, device, complaints } = visited;
    const { wifi } = device.init;
    assert.ok(wifi);
    const begin = () => {
      wifi.changes.add({ network: { ssid: 'lab', open: true }, isTried: true });
      wifi.joinTried();
    };
    begin();
    await logIn(visited);
    const notice = page.locator('.notice', { hasText: 'Wi-Fi network "lab"' });
    await notice.getByText('waits to be asked over it').waitFor();
    wifi.pass(WIFI_TRIAL_LIMIT_MS);
    await notice.getByText('it let nobody reach the device within 30 s.').waitFor();
    begin();
    await notice.getByRole('button', { name: 'Keep network' }).click();
    await notice.getByText('was tried, and is kept.').waitFor();
    assert.deepEqual(complaints, []);
  });

  test('a device without Wi-Fi has no such card', async (t) => {
    const visited = await visitor.visit(t);
    await logIn(visited);
    await visited.page.locator('#network').waitFor();
    assert.equal(await visited.page.getByRole('region', { name: 'Wi-Fi' }).count(), 0);
    assert.deepEqual(visited.complaints, []);
  });
});
