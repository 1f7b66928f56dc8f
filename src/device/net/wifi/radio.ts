// One radio: handed to the supplicant with the device's networks, and watched. Whatever goes wrong in between, a supplicant that
// dies, falls silent or refuses, it is begun anew, for ever, with pauses that grow.

import { basename } from 'node:path';
import {
  parseScanResults,
  parseSupplicantFields,
  type SupplicantEvent,
} from '../../../formats/supplicant-control.ts';
import type { WifiStatus } from '../../../shared/network/net-status.ts';
import {
  SUPPLICANT_CONFIG_PATH,
  SUPPLICANT_DIRECTORY,
  SUPPLICANT_SOCKET,
} from '../../../shared/network/wifi.ts';
import { type HandedNetworks, isSameButForTrial } from '../../../shared/network/wifi-api.ts';
import type { WifiFile, WifiNetwork } from '../../../shared/network/wifi-file.ts';
import { monotonicMs } from '../../monotonic.ts';
import { ControlChannel } from './control-channel.ts';
import { describeFailure, describeJoinProblem, isLastingFailure } from './describe-problem.ts';
import { INITIAL_JOIN_STATE, type JoinState, onSearched, onSupplicantEvent } from './join-state.ts';
import { type Nl80211, switchedOff } from './radios.ts';
import { giveNetworks } from './supplicant-networks.ts';

const FIRST_PAUSE_MS = 250;
const LONGEST_PAUSE_MS = 60_000;
/** A supplicant that died says nothing of it. */
const LOOK_EVERY_MS = 10_000;
/** Between searches in vain. An access point that has been restarted is back within the first of them. */
const SEARCH_PAUSES_SEC = [5, 5, 5, 5, 10, 10, 20, 40, 60];
/** The supplicant puts networks aside for longer and longer; no longer than this. */
const LONGEST_ASIDE_MS = 60_000;
const SIGNAL_STEP_DB = 5;

export interface RadioOptions {
  name: string;
  linkIndex: number;
  nl80211: Nl80211 | undefined;
  onChange: () => void;
  /** It has joined a network of another name than before, with or without an interruption that the kernel tells of. */
  onOtherNetwork: () => void;
  log: (text: string) => void;
  /** Tests have a supplicant of their own elsewhere, and less patience. */
  directory?: string;
  answerLimitMs?: number;
  lookEveryMs?: number;
  firstPauseMs?: number;
}

export class Radio {
  readonly #options: RadioOptions;
  #settings: HandedNetworks | undefined;
  /** What the supplicant has. */
  #given: HandedNetworks | undefined;
  #state: JoinState = INITIAL_JOIN_STATE;
  #channel: ControlChannel | undefined;
  #networkNames: ReadonlyMap<string, string> = new Map();
  #giving: Promise<void> = Promise.resolve();
  #signal: { signalDbm: number; frequencyMHz: number } | null = null;
  /** The network that it was in last. */
  #lastJoined: string | null = null;
  #searchesInVain = 0;
  #hasWpa3 = true;
  /** Of the supplicant itself. */
  #trouble: string | null = null;
  #isClosed = false;
  #pause: { end: () => void } | undefined;
  readonly #asideTimers = new Map<string, NodeJS.Timeout>();
  #loggedProblem: string | null = null;

  constructor(options: RadioOptions) {
    this.#options = options;
  }

  /** Begins, or begins anew with others. */
  use(settings: HandedNetworks): void {
    const isFirst = this.#settings === undefined;
    this.#settings = settings;
    if (isFirst) void this.#run();
    else void this.#useOthers();
  }

  /** Between two sessions there is nothing to do: the next one has the new ones. */
  async #useOthers(): Promise<void> {
    const channel = this.#channel;
    if (channel === undefined) return;
    try {
      await this.#giveNetworks(channel);
    } catch (error) {
      this.#log((error as Error).message);
      // The session sees that, and is begun anew with them.
      channel.close();
      this.#pause?.end();
    }
  }

  close(): void {
    this.#isClosed = true;
    this.#channel?.close();
    for (const timer of this.#asideTimers.values()) clearTimeout(timer);
    this.#pause?.end();
  }

  status(): WifiStatus {
    const { connected, failures } = this.#state;
    return {
      ssid: connected,
      signalDbm: connected === null ? null : (this.#signal?.signalDbm ?? null),
      frequencyMHz: connected === null ? null : (this.#signal?.frequencyMHz ?? null),
      networks: (this.#settings?.networks ?? []).map(({ ssid }) => {
        const failure = failures.get(ssid);
        if (failure === undefined) return { ssid, problem: null };
        const isLasting = isLastingFailure(failure);
        return { ssid, problem: describeFailure(failure), ...(isLasting && { isLasting }) };
      }),
      ...(this.#given?.trial && { trial: this.#given.trial.id }),
    };
  }

  get problem(): string | null {
    const off = switchedOff();
    if (off === 'hard') return 'Wi-Fi is switched off by a switch of the device (rfkill)';
    if (off === 'soft') return 'Wi-Fi is switched off by a program (rfkill)';
    if (this.#trouble !== null) return `Wi-Fi does not work: ${this.#trouble}`;
    return describeJoinProblem(this.#state, this.#tried);
  }

  /** Those that it may join. */
  get #tried(): readonly WifiNetwork[] {
    const { networks = [], trial } = this.#settings ?? {};
    return trial === undefined ? networks : networks.filter(({ ssid }) => ssid === trial.ssid);
  }

  async #run(): Promise<void> {
    const { firstPauseMs = FIRST_PAUSE_MS } = this.#options;
    // Until then the supplicant is starting: it is asked soon again, and nothing is said.
    const patienceMs = 8 * firstPauseMs;
    let pauseMs = firstPauseMs;
    while (!this.#isClosed) {
      const startedMs = monotonicMs();
      try {
        await this.#session();
      } catch (error) {
        if (pauseMs > patienceMs) this.#trouble = (error as Error).message;
      }
      this.#endSession();
      if (monotonicMs() - startedMs > LONGEST_PAUSE_MS) pauseMs = firstPauseMs;
      await this.#wait(pauseMs);
      pauseMs = Math.min(pauseMs * 2, LONGEST_PAUSE_MS);
    }
  }

  /** Until the supplicant is gone; rejects then. */
  async #session(): Promise<void> {
    const { name } = this.#options;
    await this.#addInterface();
    const channel = this.#open(`${this.#directory}/${name}`, `net-${name}`, (event) => this.#onEvent(event));
    this.#channel = channel;
    await channel.tell('ATTACH');
    this.#stayAwake();
    const abilities = await channel.ask('GET_CAPABILITY auth_alg');
    this.#hasWpa3 = abilities.split(' ').includes('SAE');
    await this.#giveNetworks(channel);
    this.#trouble = null;
    this.#change();
    while (!this.#isClosed) {
      await this.#look(channel);
      await this.#wait(this.#options.lookEveryMs ?? LOOK_EVERY_MS);
    }
  }

  get #directory(): string {
    return this.#options.directory ?? SUPPLICANT_DIRECTORY;
  }

  #open(peerPath: string, ownName: string, onEvent?: (event: SupplicantEvent) => void): ControlChannel {
    const { answerLimitMs } = this.#options;
    return new ControlChannel({
      path: `${this.#directory}/${ownName}`,
      peerPath,
      ...(answerLimitMs !== undefined && { answerLimitMs }),
      ...(onEvent && { onEvent }),
    });
  }

  async #addInterface(): Promise<void> {
    const { name } = this.#options;
    const socketPath = `${this.#directory}/${basename(SUPPLICANT_SOCKET)}`;
    const channel = this.#open(socketPath, `net-add-${name}`);
    try {
      // This program may have been restarted, and the supplicant not.
      const present = (await channel.ask('INTERFACES')).split('\n');
      if (!present.includes(name))
        await channel.tell(
          `INTERFACE_ADD ${name}\t${SUPPLICANT_CONFIG_PATH}\tnl80211\tDIR=${this.#directory}`,
        );
    } finally {
      channel.close();
    }
  }

  /** One set after the other: what is said of one network must not get between the words about another. */
  #giveNetworks(channel: ControlChannel): Promise<void> {
    const given = this.#giving.then(() => this.#replaceNetworks(channel));
    this.#giving = given.catch(() => {
      // Whoever has asked for it hears of it.
    });
    return given;
  }

  async #replaceNetworks(channel: ControlChannel): Promise<void> {
    const settings = this.#settings;
    if (settings === undefined || channel !== this.#channel) return;
    if (this.#given?.trial !== undefined && isSameButForTrial(this.#given, settings)) {
      // The network that was tried is kept: it is not left for the others to be allowed again.
      await channel.tell('ENABLE_NETWORK all');
      this.#given = settings;
      this.#change();
      return;
    }
    this.#given = undefined;
    this.#state = INITIAL_JOIN_STATE;
    const names = new Map<string, string>();
    this.#networkNames = names;
    await channel.tell(`SET country ${settings.country}`);
    const networks = settings.networks.filter(({ wpa3 }) => wpa3 !== true || this.#hasWpa3);
    await giveNetworks(channel, networks, names, settings.trial?.ssid);
    this.#given = settings;
    this.#searchesInVain = 0;
    this.#noteMissingWpa3(settings);
    this.#change();
  }

  #noteMissingWpa3({ networks }: WifiFile): void {
    if (this.#hasWpa3) return;
    const failures = new Map(this.#state.failures);
    for (const { ssid, wpa3 } of networks) if (wpa3 === true) failures.set(ssid, 'radio has no WPA3');
    this.#state = { ...this.#state, failures };
  }

  #onEvent(event: SupplicantEvent): void {
    const before = this.#state;
    this.#hasJoined(onSupplicantEvent(before, event, (id) => this.#networkNames.get(id ?? '')));
    const { connected } = this.#state;
    if (event.name === 'CTRL-EVENT-NETWORK-NOT-FOUND') void this.#onSearched();
    if (event.name === 'CTRL-EVENT-SSID-TEMP-DISABLED') this.#limitAside(event);
    if (event.name === 'CTRL-EVENT-TERMINATING') this.#pause?.end();
    if (connected !== before.connected && connected !== null) this.#pause?.end();
  }

  async #onSearched(): Promise<void> {
    const channel = this.#channel;
    if (channel === undefined) return;
    try {
      const heard = parseScanResults(await channel.ask('SCAN_RESULTS'));
      this.#state = onSearched(this.#state, this.#tried, heard);
      if (this.#settings !== undefined) this.#noteMissingWpa3(this.#settings);
      const seconds = SEARCH_PAUSES_SEC[Math.min(this.#searchesInVain, SEARCH_PAUSES_SEC.length - 1)];
      this.#searchesInVain++;
      await channel.ask(`SCAN_INTERVAL ${seconds}`);
      this.#change();
    } catch {
      // The session sees that the supplicant does not answer.
    }
  }

  /** A network that was put aside is tried again after a minute, however often it has failed. */
  #limitAside({ fields }: SupplicantEvent): void {
    const id = fields.get('id') ?? '';
    if (!this.#networkNames.has(id) || Number(fields.get('duration')) * 1000 <= LONGEST_ASIDE_MS) return;
    clearTimeout(this.#asideTimers.get(id));
    const again = async (): Promise<void> => {
      // Disabling and enabling makes the supplicant forget how often it has failed.
      await this.#channel?.ask(`DISABLE_NETWORK ${id}`);
      await this.#channel?.ask(`ENABLE_NETWORK ${id}`);
    };
    const timer = setTimeout(() => void again().catch(() => {}), LONGEST_ASIDE_MS);
    this.#asideTimers.set(id, timer.unref());
  }

  /** Also shows whether the supplicant is still there. */
  async #look(channel: ControlChannel): Promise<void> {
    // Of a switch nobody is told.
    if (this.problem !== this.#loggedProblem) this.#change();
    await this.#catchUp(channel);
    if (this.#state.connected === null) return;
    const fields = parseSupplicantFields(await channel.ask('SIGNAL_POLL'));
    const signalDbm = Number(fields.get('RSSI'));
    const frequencyMHz = Number(fields.get('FREQUENCY'));
    if (!Number.isInteger(signalDbm) || !Number.isInteger(frequencyMHz)) return;
    // Not for each decibel: the status would never be the same.
    if (
      this.#signal?.frequencyMHz === frequencyMHz &&
      Math.abs(this.#signal.signalDbm - signalDbm) < SIGNAL_STEP_DB
    )
      return;
    this.#signal = { signalDbm, frequencyMHz };
    this.#change();
  }

  /** Who reads too slowly is told of no more events, and does not hear of that either. */
  async #catchUp(channel: ControlChannel): Promise<void> {
    const before = this.#state.connected;
    const fields = parseSupplicantFields(await channel.ask('STATUS'));
    const state = fields.get('wpa_state');
    if (state === undefined) throw new Error('the supplicant answers something else');
    const joined = state === 'COMPLETED' ? (this.#networkNames.get(fields.get('id') ?? '') ?? null) : null;
    // What has come while it answered is newer.
    if (joined === before || this.#state.connected !== before) return;
    await channel.ask('DETACH');
    await channel.tell('ATTACH');
    this.#hasJoined({ ...this.#state, connected: joined });
  }

  #hasJoined(state: JoinState): void {
    const before = this.#state;
    this.#state = state;
    const { connected } = state;
    if (connected !== before.connected) {
      this.#signal = null;
      if (connected !== null) this.#log(`connected to "${connected}"`);
      else this.#log(`no longer connected to "${before.connected}"`);
    }
    if (connected !== null) this.#searchesInVain = 0;
    if (connected !== null && connected !== this.#lastJoined) {
      if (this.#lastJoined !== null) this.#options.onOtherNetwork();
      this.#lastJoined = connected;
    }
    if (state !== before) this.#change();
  }

  #stayAwake(): void {
    try {
      this.#options.nl80211?.stayAwake(this.#options.linkIndex);
    } catch (error) {
      // EOPNOTSUPP: it never sleeps.
      if ((error as NodeJS.ErrnoException).code !== 'EOPNOTSUPP')
        this.#log(`cannot keep it awake: ${(error as Error).message}`);
    }
  }

  #endSession(): void {
    this.#channel?.close();
    this.#channel = undefined;
    for (const timer of this.#asideTimers.values()) clearTimeout(timer);
    this.#asideTimers.clear();
    this.#state = INITIAL_JOIN_STATE;
    this.#given = undefined;
    this.#change();
  }

  async #wait(ms: number): Promise<void> {
    if (this.#isClosed) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(resolve, ms);
    this.#pause = { end: resolve };
    await promise;
    clearTimeout(timer);
  }

  #change(): void {
    const { problem } = this;
    if (problem !== this.#loggedProblem && problem !== null) this.#log(problem);
    this.#loggedProblem = problem;
    this.#options.onChange();
  }

  #log(text: string): void {
    this.#options.log(`${this.#options.name}: ${text}`);
  }
}
