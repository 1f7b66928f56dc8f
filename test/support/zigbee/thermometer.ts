// A thermometer in the air of a scripted adapter, as one of Aqara's answers: what it is asked while it joins, and what it
// reports. Addresses are little-endian, as in all of Zigbee.

export const THERMOMETER = {
  networkAddress: 0x6f3a,
  ieeeAddress: '0x00158d0001a2b3c4',
  endpoint: 1,
} as const;

const BASIC_CLUSTER = 0;
const TEMPERATURE_CLUSTER = 0x0402;
/** The profile of both. */
export const HOME_AUTOMATION = 0x0104;
const TEMPERATURE_SENSOR = 0x0302;
const INT16 = 0x29;
const UINT8 = 0x20;
const ENUM8 = 0x30;
const TEXT = 0x42;
/** Global, from server to client, no answer is wanted. */
const FROM_SERVER = 0x18;
const READ = 0x00;
const READ_RESPONSE = 0x01;
const REPORT = 0x0a;
const UNSUPPORTED_ATTRIBUTE = 0x86;

export const u16 = (value: number): number[] => [value & 0xff, value >> 8];

export function ieeeBytes(address: string): number[] {
  return [...Buffer.from(address.slice(2), 'hex').reverse()];
}

const text = (value: string): number[] => [TEXT, value.length, ...Buffer.from(value)];

/** Of the basic cluster, by their numbers: type and value. */
const ATTRIBUTES: Readonly<Record<number, readonly number[]>> = {
  0x0000: [UINT8, 1],
  0x0004: text('LUMI'),
  0x0005: text('lumi.weather'),
  // By a battery.
  0x0007: [ENUM8, 3],
};

/** What it answers to a request about itself, after the status; the numbers of the requests are those of `ZDO`. */
export function describeThermometer(request: number): number[] | undefined {
  const address = u16(THERMOMETER.networkAddress);
  switch (request) {
    case 0x02:
      // A device that sleeps, of LUMI.
      return [...address, 0x02, 0x40, 0x80, ...u16(0x1037), 0x7f, ...u16(100), ...u16(0), ...u16(100), 0];
    case 0x04: {
      const clusters = [BASIC_CLUSTER, TEMPERATURE_CLUSTER].flatMap(u16);
      const descriptor = [
        THERMOMETER.endpoint,
        ...u16(HOME_AUTOMATION),
        ...u16(TEMPERATURE_SENSOR),
        1,
        2,
        ...clusters,
        0,
      ];
      return [...address, descriptor.length, ...descriptor];
    }
    case 0x05:
      return [...address, 1, THERMOMETER.endpoint];
    default:
      return undefined;
  }
}

export interface ClusterMessage {
  cluster: number;
  bytes: number[];
}

/** To a command of the cluster library; undefined for those to which it has nothing to say. */
export function answerOfThermometer({ cluster, bytes }: ClusterMessage): ClusterMessage | undefined {
  const [control = 0, sequence = 0, command = 0, ...numbers] = bytes;
  if ((control & 3) !== 0 || command !== READ) return undefined;
  const answer = [FROM_SERVER, sequence, READ_RESPONSE];
  for (let at = 0; at + 1 < numbers.length; at += 2) {
    const number = (numbers[at] ?? 0) | ((numbers[at + 1] ?? 0) << 8);
    const value = cluster === BASIC_CLUSTER ? ATTRIBUTES[number] : undefined;
    answer.push(...u16(number), ...(value === undefined ? [UNSUPPORTED_ATTRIBUTE] : [0, ...value]));
  }
  return { cluster, bytes: answer };
}

export function temperatureReport(celsius: number, sequence: number): ClusterMessage {
  const value = u16(Math.round(celsius * 100) & 0xffff);
  return {
    cluster: TEMPERATURE_CLUSTER,
    bytes: [FROM_SERVER, sequence, REPORT, ...u16(0), INT16, ...value],
  };
}
