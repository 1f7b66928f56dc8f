// What a Raspberry Pi makes of config.txt or tryboot.txt. raspberrypi/documentation, config_txt: what_is_config_txt.adoc
// ("File Format"), conditional.adoc ("Conditional Filters"). Keys that nobody knows are kept, and asked for by nobody.

import type { PiModel } from './pi-models.ts';

/** "There is a 98-character line length limit for entries - any characters past this limit will be ignored". */
const MAX_LINE_LENGTH = 98;

/** What filters are held against. */
export interface FilterFacts {
  model: Pick<PiModel, 'filters' | 'boardType'>;
  isTryboot: boolean;
  serial: bigint;
  /** Number of the partition that was started from. */
  partition: number;
}

interface ConfigSetting {
  key: string;
  value: string;
  /** From 1. */
  line: number;
}

export interface ReadConfig {
  settings: readonly ConfigSetting[];
  /** What the firmware passes over, or does in a way that nobody may count on. */
  warnings: readonly string[];
}

/** `facts` undefined: as bootcode.bin reads it, which knows no filters (raspberrypi/firmware issue 1076). */
export function readConfigText(text: string, facts: FilterFacts | undefined): ReadConfig {
  const settings: ConfigSetting[] = [];
  const warnings: string[] = [];
  const filters = new FilterState(facts);
  for (const [index, whole] of text.split(/\r?\n/).entries()) {
    const line = index + 1;
    if (whole.length > MAX_LINE_LENGTH)
      warnings.push(`line ${line} is cut off after ${MAX_LINE_LENGTH} characters`);
    const entry = whole.slice(0, MAX_LINE_LENGTH).trimStart();
    if (entry === '' || entry.startsWith('#')) continue;
    const filter = /^\[([^\]]{1,60})\]/.exec(entry)?.[1];
    if (filter !== undefined) {
      if (!filters.set(filter))
        warnings.push(`line ${line}: whether [${filter}] holds cannot be told, so it does not`);
    } else if (filters.hold) {
      const setting = settingOf(entry, line);
      if (setting) settings.push(setting);
      // "Include directives are not supported by bootcode.bin or the EEPROM bootloader", and start.elf comes after one of these.
      else warnings.push(`line ${line}, "${entry}", is no setting`);
    }
  }
  return { settings, warnings };
}

/** The last one counts. */
export function valueOf(config: ReadConfig, key: string): string | undefined {
  return config.settings.findLast((setting) => setting.key === key)?.value;
}

/** As the firmware reads numbers: 0 when there is none. */
export function numberOf(config: ReadConfig, key: string): number {
  const value = Number(valueOf(config, key) ?? 0);
  return Number.isInteger(value) ? value : 0;
}

function settingOf(entry: string, line: number): ConfigSetting | undefined {
  const equals = entry.indexOf('=');
  if (equals > 0) return { key: entry.slice(0, equals), value: entry.slice(equals + 1), line };
  // The one key without an equals sign: `initramfs NAME ADDRESS`.
  const initramfs = /^(initramfs) +(.+)$/.exec(entry);
  return initramfs ? { key: initramfs[1]!, value: initramfs[2]!, line } : undefined;
}

type FilterKind = 'model' | 'tryboot' | 'serial' | 'edid' | 'gpio' | 'hdmi' | 'none' | 'expression';

/** "Filters of the same type replace each other"; those of different types all have to hold; [all] takes all of them back. */
class FilterState {
  readonly #facts: FilterFacts | undefined;
  readonly #kinds = new Map<FilterKind, boolean>();

  constructor(facts: FilterFacts | undefined) {
    this.#facts = facts;
  }

  get hold(): boolean {
    return this.#facts === undefined || [...this.#kinds.values()].every((holds) => holds);
  }

  /** False: nobody can say whether it holds. */
  set(name: string): boolean {
    if (name === 'all') this.#kinds.clear();
    if (name === 'all' || this.#facts === undefined) return true;
    const { kind, holds } = judgeFilter(name, this.#facts);
    this.#kinds.set(kind, holds ?? false);
    return holds !== undefined;
  }
}

/** Names as they stand in start4.elf of 2026-05-22, and in the documentation. */
const MODEL_FILTER = /^(pi[0-5]|pi0w|pi02|pi3\+|pi400|pi500|cm[1-5]|cm4s|cm0)$/;

function judgeFilter(
  name: string,
  { model, isTryboot, serial, partition }: FilterFacts,
): { kind: FilterKind; holds: boolean | undefined } {
  if (MODEL_FILTER.test(name)) return { kind: 'model', holds: model.filters.includes(name) };
  const [, key, value] = /^(\S+)=(\S+)$/.exec(name) ?? [];
  if (key === 'board-type') return { kind: 'model', holds: Number(value) === model.boardType };
  if (name === 'tryboot') return { kind: 'tryboot', holds: isTryboot };
  // "prevents any settings that follow from being applied to any hardware": until [all].
  if (name === 'none') return { kind: 'none', holds: false };
  if (/^0x[0-9a-f]{1,16}$/i.test(name)) return { kind: 'serial', holds: BigInt(name) === serial };
  if (key === 'EDID') return { kind: 'edid', holds: false };
  if (/^gpio\d+$/.test(key ?? '')) return { kind: 'gpio', holds: undefined };
  if (/^HDMI:[01]$/.test(name)) return { kind: 'hdmi', holds: undefined };
  // rpi-eeprom, release notes of 2025-02-11 and 2025-03-27.
  if (key === 'partition' || key === 'boot_partition')
    return { kind: 'expression', holds: Number(value) === partition };
  return { kind: 'expression', holds: undefined };
}
