// Wi-Fi as a whole: waits for the networks that init hands over, and gives them to each radio that there is.

import { mkdirSync, readFileSync, watch, type FSWatcher } from 'node:fs';
import { dirname } from 'node:path';
import { readRegulatoryCountries } from '../../../formats/regulatory-db.ts';
import type { Link } from '../../../formats/netlink-message.ts';
import { REGULATORY_DB_PATH, WIFI_RUN_PATH } from '../../../shared/network/wifi.ts';
import type { HandedNetworks } from '../../../shared/network/wifi-api.ts';
import { parseWifiFile } from '../../../shared/network/wifi-file.ts';
import { describeError } from '../../describe-error.ts';
import { describeRegulatoryRefusal } from './describe-problem.ts';
import { Nl80211, switchOn } from './radios.ts';
import { Radio } from './radio.ts';

/** init mounts and maybe checks a file system before it knows the networks. */
const LOOK_EVERY_MS = 1000;
/** Drivers load their firmware first. */
const RADIO_EXPECTED_MS = 20_000;

export class Wifi {
  readonly #log: (text: string) => void;
  readonly #onChange: () => void;
  readonly #radios = new Map<number, Radio>();
  #nl80211: Nl80211 | undefined;
  #settings: HandedNetworks | undefined;
  #text = '';
  #countryProblem: string | null = null;
  #isRadioOverdue = false;
  #timer: NodeJS.Timeout | undefined;
  #watcher: FSWatcher | undefined;

  constructor(options: { onChange: () => void; log: (text: string) => void }) {
    this.#onChange = options.onChange;
    this.#log = options.log;
  }

  start(): void {
    this.#lookForNetworks();
    setTimeout(() => {
      this.#isRadioOverdue = true;
      if (this.#radios.size === 0) this.#log('no radio has come up');
      this.#onChange();
    }, RADIO_EXPECTED_MS).unref();
  }

  /** A link that is a radio has come. `onOtherNetwork`: as of a radio. */
  add(link: Link, onOtherNetwork: () => void): Radio {
    if (this.#nl80211 === undefined) this.#prepareRadios();
    const radio = new Radio({
      name: link.name,
      linkIndex: link.index,
      nl80211: this.#nl80211,
      onChange: this.#onChange,
      onOtherNetwork,
      log: this.#log,
    });
    this.#radios.set(link.index, radio);
    if (this.#settings !== undefined) radio.use(this.#settings);
    return radio;
  }

  remove(linkIndex: number): void {
    this.#radios.get(linkIndex)?.close();
    this.#radios.delete(linkIndex);
  }

  get country(): string | null {
    return this.#settings?.country ?? null;
  }

  /** What keeps all radios from working, or is the reason that there is none. */
  get problem(): string | null {
    if (this.#countryProblem !== null) return this.#countryProblem;
    if (this.#radios.size > 0 || !this.#isRadioOverdue) return null;
    return 'No radio has come up: the board has none, or its driver or firmware is missing (see the log of "kernel")';
  }

  #prepareRadios(): void {
    try {
      this.#nl80211 = Nl80211.open();
      this.#nl80211?.reloadRegulatoryDatabase();
    } catch (error) {
      this.#log(describeRegulatoryRefusal(error));
    }
    switchOn();
  }

  #lookForNetworks(): void {
    clearTimeout(this.#timer);
    let text: string;
    try {
      text = readFileSync(WIFI_RUN_PATH, 'utf8');
    } catch {
      // init has not come so far.
      this.#timer = setTimeout(() => this.#lookForNetworks(), LOOK_EVERY_MS);
      return;
    }
    if (this.#watcher === undefined) this.#watchNetworks();
    if (text === this.#text) return;
    this.#text = text;
    try {
      this.#settings = parseHanded(text);
    } catch (error) {
      this.#log(`"${WIFI_RUN_PATH}" ${(error as Error).message}`);
      return;
    }
    this.#checkCountry(this.#settings.country);
    for (const radio of this.#radios.values()) radio.use(this.#settings);
    this.#onChange();
  }

  #watchNetworks(): void {
    const directory = dirname(WIFI_RUN_PATH);
    mkdirSync(directory, { recursive: true });
    this.#watcher = watch(directory, () => this.#lookForNetworks());
  }

  /** The kernel would stay with what is allowed everywhere, and say nothing. */
  #checkCountry(country: string): void {
    let countries: Set<string> | undefined;
    try {
      countries = readRegulatoryCountries(readFileSync(REGULATORY_DB_PATH));
    } catch (error) {
      this.#log(describeError(error));
    }
    this.#countryProblem =
      countries === undefined || countries.has(country)
        ? null
        : `Wi-Fi knows no country "${country}": correct "country" of network.wifi`;
    if (this.#countryProblem !== null) this.#log(this.#countryProblem);
  }
}

function parseHanded(text: string): HandedNetworks {
  const { trial, ...file } = JSON.parse(text) as HandedNetworks;
  return { ...parseWifiFile(Buffer.from(JSON.stringify(file))), ...(trial && { trial }) };
}
