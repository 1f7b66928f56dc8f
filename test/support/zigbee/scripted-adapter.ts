// A Zigbee adapter without a radio: what one with Z-Stack 3.0 answers by its serial port to a program that forms a network
// with it, and later goes on with that. It keeps its memory as long as it lives, whoever opens the port. A thermometer
// joins when that is allowed, and reports.

import type { Duplex } from 'node:stream';
import {
  AF,
  APP_CONFIG,
  encodeZStackFrame,
  EVENT,
  REQUEST,
  RESPONSE,
  splitZStackFrames,
  SYS,
  UTIL,
  ZDO,
  type ZStackFrame,
} from './z-stack-frame.ts';
import {
  answerOfThermometer,
  type ClusterMessage,
  describeThermometer,
  HOME_AUTOMATION,
  ieeeBytes,
  temperatureReport,
  THERMOMETER,
  u16,
} from './thermometer.ts';

const IEEE_ADDRESS = '0x00124b001ca1b2c3';
const COORDINATOR = 9;
const COORDINATOR_ADDRESS = 0;

/** Items of its memory. */
const NIB = 0x21;
const EXTENDED_PAN_ID = 0x2d;
const ACTIVE_KEY = 0x3a;
const ALTERNATE_KEY = 0x3b;
const STARTUP_OPTION = 0x03;
const PRECONFIGURED_KEY = 0x62;
const NETWORK_KEY = 0x82;
const PAN_ID = 0x83;
const CHANNELS = 0x84;
const NIB_BYTES = 110;
const GATEWAY = 0x0005;
const CREATED = 0x09;
const FAILED = 0x01;

/** Handles a request's data and says what it answers. */
type Handler = (data: Buffer) => readonly number[];

export class ScriptedAdapter {
  readonly #memory = new Map<number, Buffer>();
  readonly #handlers: ReadonlyMap<number, Handler>;
  #port: Duplex | undefined;
  #received: Buffer = Buffer.alloc(0);
  #state = 0;
  #endpoints = new Set<number>();
  #sequence = 0;
  /** What it was asked and does not know: such a program waits in vain. */
  readonly unknown: string[] = [];

  constructor() {
    this.#forget();
    const handlers: [number, number, Handler][] = [
      [SYS, 0x01, () => u16(0x0659)],
      // Z-Stack 3.0.x.
      [SYS, 0x02, () => [2, 2, 2, 7, 2, ...u32(20_230_507)]],
      [SYS, 0x04, () => ieeeBytes(IEEE_ADDRESS)],
      [SYS, 0x07, (data) => this.#create(data)],
      [SYS, 0x12, (data) => [this.#memory.delete(data.readUInt16LE(0)) ? 0 : CREATED]],
      [SYS, 0x13, (data) => u16(this.#memory.get(data.readUInt16LE(0))?.length ?? 0)],
      [SYS, 0x1c, (data) => this.#read(data)],
      [SYS, 0x1d, (data) => this.#write(data)],
      [UTIL, 0x00, () => this.#deviceInfo()],
      [UTIL, 0x0a, () => [0]],
      [APP_CONFIG, 0x05, () => this.#formNetwork()],
      [APP_CONFIG, 0x08, () => [0]],
      [ZDO, 0x40, () => this.#becomeCoordinator()],
      [ZDO, 0x45, () => [0]],
      // No group is known, and each is taken.
      [ZDO, 0x4a, () => [FAILED, 0, 0, 0]],
      [ZDO, 0x4b, () => [0]],
      [ZDO, 0x50, () => this.#networkInfo()],
      [AF, 0x00, (data) => this.#register(data)],
      [AF, 0x01, (data) => this.#sendData(data)],
      [AF, 0x02, (data) => this.#broadcast(data)],
    ];
    this.#handlers = new Map(
      handlers.map(([subsystem, command, handler]) => [keyOf(subsystem, command), handler]),
    );
  }

  /** A port that was opened; one at a time. */
  connect(port: Duplex): void {
    this.#port = port;
    this.#received = Buffer.alloc(0);
    port.on('data', (chunk: Buffer) => this.#take(chunk));
  }

  reportTemperature(celsius: number): void {
    this.#hear(temperatureReport(celsius, this.#nextSequence()));
  }

  #take(chunk: Buffer): void {
    const { frames, rest } = splitZStackFrames(Buffer.concat([this.#received, chunk]));
    this.#received = rest;
    for (const frame of frames) this.#handle(frame);
  }

  #handle({ type, subsystem, command, data }: ZStackFrame): void {
    if (type === EVENT && subsystem === SYS && command === 0) return this.#reset();
    const handler = this.#handlers.get(keyOf(subsystem, command));
    if (handler !== undefined) {
      const later = new Array<() => void>();
      this.#later = later;
      this.#send(RESPONSE, subsystem, command, handler(data));
      for (const act of later) act();
      return;
    }
    if (type === REQUEST && subsystem === ZDO) return this.#describe(command, data);
    this.unknown.push(`${type}/${subsystem}/0x${command.toString(16)} ${data.toString('hex')}`);
  }

  /** What comes after the answer. */
  #later: (() => void)[] = [];

  #reset(): void {
    if (this.#memory.get(STARTUP_OPTION)?.[0] === 3) this.#forget();
    this.#state = 0;
    this.#endpoints = new Set();
    this.#send(EVENT, SYS, 0x80, [0, 2, 2, 2, 7, 0]);
  }

  #forget(): void {
    this.#memory.clear();
    this.#memory.set(NETWORK_KEY, Buffer.alloc(21));
    this.#memory.set(ACTIVE_KEY, Buffer.alloc(17));
    this.#memory.set(ALTERNATE_KEY, Buffer.alloc(17));
    this.#memory.set(PRECONFIGURED_KEY, Buffer.alloc(16));
  }

  #create(data: Buffer): number[] {
    const item = Buffer.alloc(data.readUInt16LE(2));
    data.copy(item, 0, 5);
    this.#memory.set(data.readUInt16LE(0), item);
    return [CREATED];
  }

  #read(data: Buffer): number[] {
    const item = this.#memory.get(data.readUInt16LE(0));
    if (item === undefined) return [FAILED, 0];
    const part = item.subarray(data.readUInt16LE(2)).subarray(0, 240);
    return [0, part.length, ...part];
  }

  #write(data: Buffer): number[] {
    const item = this.#memory.get(data.readUInt16LE(0));
    if (item === undefined) return [FAILED];
    data.copy(item, data.readUInt16LE(2), 6);
    return [0];
  }

  #item(id: number): Buffer {
    return this.#memory.get(id) ?? Buffer.alloc(8);
  }

  /** What was written before about the network is what it becomes. */
  #formNetwork(): number[] {
    const key = Buffer.concat([Buffer.from([0]), this.#item(PRECONFIGURED_KEY)]);
    this.#memory.set(ACTIVE_KEY, key);
    this.#memory.set(ALTERNATE_KEY, Buffer.from(key));
    const nib = Buffer.alloc(NIB_BYTES);
    nib[22] = lowestChannel(this.#item(CHANNELS).readUInt32LE(0));
    Buffer.from(ieeeBytes(IEEE_ADDRESS)).copy(nib, 25);
    this.#item(PAN_ID).copy(nib, 33);
    nib[35] = COORDINATOR;
    this.#item(CHANNELS).copy(nib, 36);
    this.#item(EXTENDED_PAN_ID).copy(nib, 53);
    nib[61] = 1;
    this.#memory.set(NIB, nib);
    return this.#becomeCoordinator();
  }

  #becomeCoordinator(): number[] {
    this.#state = COORDINATOR;
    this.#later.push(() => this.#send(EVENT, ZDO, 0xc0, [COORDINATOR]));
    return [0];
  }

  #deviceInfo(): number[] {
    return [0, ...ieeeBytes(IEEE_ADDRESS), ...u16(COORDINATOR_ADDRESS), 7, this.#state, 0];
  }

  #networkInfo(): number[] {
    const panId = [...this.#item(PAN_ID).subarray(0, 2)];
    const extended = [...this.#item(EXTENDED_PAN_ID).subarray(0, 8)];
    const channel = lowestChannel(this.#item(CHANNELS).readUInt32LE(0));
    return [0, 0, this.#state, ...panId, 0, 0, ...extended, ...ieeeBytes(IEEE_ADDRESS), channel];
  }

  #register(data: Buffer): number[] {
    this.#endpoints.add(data[0] ?? 0);
    return [0];
  }

  /** To the thermometer, which is the only one in the air. */
  #sendData(data: Buffer): number[] {
    const [endpoint = 0, transaction = 0] = [data[2], data[6]];
    const bytes = [...data.subarray(10)];
    this.#later.push(() => {
      this.#send(EVENT, AF, 0x80, [0, endpoint, transaction]);
      const answer = answerOfThermometer({ cluster: data.readUInt16LE(4), bytes });
      if (answer !== undefined) this.#hear(answer);
    });
    return [0];
  }

  /** To everybody, which nobody answers. */
  #broadcast(data: Buffer): number[] {
    const [endpoint = 0, transaction = 0] = [data[12], data[15]];
    this.#later.push(() => this.#send(EVENT, AF, 0x80, [0, endpoint, transaction]));
    return [0];
  }

  #hear({ cluster, bytes }: ClusterMessage): void {
    const { networkAddress, endpoint } = THERMOMETER;
    const head = [...u16(0), ...u16(cluster), ...u16(networkAddress), endpoint, 1, 0, 120, 0, ...u32(0), 0];
    this.#send(EVENT, AF, 0x81, [...head, bytes.length, ...bytes, ...u16(networkAddress), 30]);
  }

  /** Questions to a device of the network, the adapter itself among them. */
  #describe(command: number, data: Buffer): void {
    this.#send(RESPONSE, ZDO, command, [0]);
    const answer = (from: number, body: readonly number[]): void =>
      this.#send(EVENT, ZDO, command | 0x80, [...u16(from), 0, ...body]);
    if (command === 0x36) {
      answer(COORDINATOR_ADDRESS, []);
      if ((data[3] ?? 0) > 0) this.#join();
      return;
    }
    if (data.readUInt16LE(0) === THERMOMETER.networkAddress) {
      answer(THERMOMETER.networkAddress, describeThermometer(command) ?? []);
      return;
    }
    const own = u16(COORDINATOR_ADDRESS);
    if (command === 0x04) {
      const descriptor = [data[4] ?? 0, ...u16(HOME_AUTOMATION), ...u16(GATEWAY), 0, 0, 0];
      return answer(COORDINATOR_ADDRESS, [...own, descriptor.length, ...descriptor]);
    }
    answer(COORDINATOR_ADDRESS, command === 0x05 ? [...own, this.#endpoints.size, ...this.#endpoints] : []);
  }

  #join(): void {
    const address = u16(THERMOMETER.networkAddress);
    const ieee = ieeeBytes(THERMOMETER.ieeeAddress);
    this.#send(EVENT, ZDO, 0xca, [...address, ...ieee, ...u16(COORDINATOR_ADDRESS)]);
    this.#send(EVENT, ZDO, 0xc1, [...address, ...address, ...ieee, 0x80]);
  }

  #nextSequence(): number {
    this.#sequence = (this.#sequence + 1) & 0xff;
    return this.#sequence;
  }

  #send(type: number, subsystem: number, command: number, data: readonly number[]): void {
    this.#port?.write(encodeZStackFrame({ type, subsystem, command, data: Buffer.from(data) }));
  }
}

function keyOf(subsystem: number, command: number): number {
  return (subsystem << 8) | command;
}

function u32(value: number): number[] {
  return [...u16(value & 0xffff), ...u16(value >>> 16)];
}

/** A set of them is a bit each. */
function lowestChannel(set: number): number {
  return 31 - Math.clz32(set & -set);
}
