// Lines of the header, over the kernel's GPIO character device.

import { EdgeQueue } from './edge-queue.ts';
import { EdgeReader } from './edge-reader.ts';
import type { GpioKernel } from './kernel.ts';
import { bcmNumberOf, HEADER_LINES } from './line-name.ts';
import { inputConfig, outputConfig, withEdges } from './options.ts';
import type { LineConfig } from './abi.ts';
import type { Edge, EdgeOptions, Gpio, Input, InputOptions, Output, OutputOptions } from './types.ts';

/** Of the chips that have the header's lines, under their BCM numbers: Raspberry Pi 3 and Zero 2; 4; 5. */
const HEADER_LABELS = ['pinctrl-bcm2835', 'pinctrl-bcm2711', 'pinctrl-rp1'];
/** As many as the kernel keeps for a request. */
const EVENT_BUFFER_SIZE = 1024;

export class DeviceGpio implements Gpio {
  readonly #kernel: GpioKernel;
  readonly #consumer: string;
  readonly #edges: EdgeReader;
  #chip: number | undefined;

  /** `consumer`: what others are told who has a line. */
  constructor(kernel: GpioKernel, consumer: string) {
    this.#kernel = kernel;
    this.#consumer = consumer;
    this.#edges = new EdgeReader(kernel);
  }

  output(line: number | string, options: OutputOptions = {}): Output {
    return new OutputLine(this.#kernel, this.#request(line, 'output', outputConfig(options)));
  }

  input(line: number | string, options: InputOptions = {}): Input {
    const config = inputConfig(options);
    return new InputLine(this.#kernel, this.#request(line, 'input', config), config, this.#edges);
  }

  #request(line: number | string, what: 'output' | 'input', config: LineConfig): OpenLine {
    const chip = (this.#chip ??= this.#openChip(line));
    const bcm = bcmNumberOf(line, (name) => this.#lookUp(chip, name));
    const act = `Cannot open GPIO${bcm} as an ${what}`;
    try {
      const request = { offset: bcm, consumer: this.#consumer, config, eventBufferSize: EVENT_BUFFER_SIZE };
      return { bcm, fd: this.#kernel.requestLine(chip, request) };
    } catch (error) {
      throw explain(act, error, { EBUSY: () => this.#holderOf(chip, bcm), ...REFUSED });
    }
  }

  #openChip(line: number | string): number {
    const act = `Cannot open GPIO line "${line}"`;
    const others: string[] = [];
    for (const path of this.#kernel.chips()) {
      let chip: number;
      try {
        chip = this.#kernel.open(path);
      } catch (error) {
        throw explain(act, error, {
          EACCES: () => `${path} is not this program's to open; ${HOW_TO_GET_IT}`,
        });
      }
      const { label } = this.#kernel.chipInfo(chip);
      if (HEADER_LABELS.includes(label)) return chip;
      others.push(`"${label}"`);
      this.#kernel.close(chip);
    }
    const found =
      others.length === 0 ? 'there is no GPIO chip in /dev' : `/dev has only ${others.join(', ')}`;
    throw new Error(`${act}: ${found}, and not that of a Raspberry Pi's header; ${HOW_TO_GET_IT}`);
  }

  #lookUp(chip: number, name: string): number | undefined {
    for (let bcm = 0; bcm < HEADER_LINES; bcm++)
      if (this.#kernel.lineInfo(chip, bcm).name === name) return bcm;
    return undefined;
  }

  #holderOf(chip: number, bcm: number): string {
    const { consumer } = this.#kernel.lineInfo(chip, bcm);
    if (consumer === '') return 'it is in use, by whom the kernel does not tell';
    return `"${consumer}" holds it, and a line is one program's at a time`;
  }
}

const HOW_TO_GET_IT = 'in tskrazy.json the app needs "sandbox": { "devices": ["gpio"] }';
const REFUSED = {
  EINVAL: () => 'the chip does not take these options',
  ENOTSUP: () => 'the chip does not take these options',
  EPERM: () => 'the kernel keeps it for the board',
};

interface OpenLine {
  bcm: number;
  fd: number;
}

abstract class DeviceLine implements Disposable {
  readonly bcm: number;
  protected readonly kernel: GpioKernel;
  #fd: number | undefined;

  constructor(kernel: GpioKernel, { bcm, fd }: OpenLine) {
    this.bcm = bcm;
    this.kernel = kernel;
    this.#fd = fd;
  }

  read(): boolean {
    return this.use('read', (fd) => this.kernel.read(fd));
  }

  close(): void {
    const fd = this.#fd;
    this.#fd = undefined;
    if (fd !== undefined) this.kernel.close(fd);
  }

  [Symbol.dispose](): void {
    this.close();
  }

  protected get isOpen(): boolean {
    return this.#fd !== undefined;
  }

  protected use<T>(verb: string, act: (fd: number) => T): T {
    const what = `Cannot ${verb} GPIO${this.bcm}`;
    if (this.#fd === undefined) throw new Error(`${what}: it is closed`);
    try {
      return act(this.#fd);
    } catch (error) {
      throw explain(what, error, { ENODEV: () => CHIP_IS_GONE, ...REFUSED });
    }
  }
}

const CHIP_IS_GONE = 'its chip is gone';

class OutputLine extends DeviceLine implements Output {
  write(value: boolean): void {
    this.use('write', (fd) => this.kernel.write(fd, value));
  }

  toggle(): boolean {
    const value = !this.read();
    this.write(value);
    return value;
  }
}

class InputLine extends DeviceLine implements Input {
  readonly #config: LineConfig;
  readonly #reader: EdgeReader;
  #endEdges: (() => void) | undefined;

  constructor(kernel: GpioKernel, line: OpenLine, config: LineConfig, reader: EdgeReader) {
    super(kernel, line);
    this.#config = config;
    this.#reader = reader;
  }

  edges(options: EdgeOptions = {}): AsyncIterableIterator<Edge> {
    const { signal } = options;
    signal?.throwIfAborted();
    if (this.#endEdges !== undefined)
      throw new Error(`Cannot follow edges of GPIO${this.bcm}: another loop follows them already`);
    const config = withEdges(this.#config, options);
    return this.use('follow edges of', (fd) => {
      this.kernel.discardEdges(fd);
      this.kernel.configure(fd, config);
      const abort = (): void => queue.fail(signal?.reason);
      const queue = new EdgeQueue({
        onTaken: (count) => subscription.taken(count),
        onEnd: () => {
          this.#endEdges = undefined;
          signal?.removeEventListener('abort', abort);
          subscription.end();
          this.#stopEdges();
        },
      });
      const subscription = this.#reader.subscribe(fd, {
        onEvents: (bytes) => queue.push(bytes),
        onEnd: () => queue.fail(new Error(`Cannot follow edges of GPIO${this.bcm}: ${CHIP_IS_GONE}`)),
      });
      signal?.addEventListener('abort', abort, { once: true });
      this.#endEdges = () => void queue.return();
      return queue;
    });
  }

  override close(): void {
    // Before the descriptor goes, whose number may be another line's at once.
    this.#endEdges?.();
    super.close();
  }

  #stopEdges(): void {
    if (!this.isOpen) return;
    try {
      this.use('read', (fd) => this.kernel.configure(fd, this.#config));
    } catch {
      // The chip is gone, which is why the edges have ended; the next read says so.
    }
  }
}

/** The same error in a whole sentence; codes that are not listed are told as they are. */
function explain(act: string, error: unknown, reasons: Readonly<Record<string, () => string>>): Error {
  const code = (error as NodeJS.ErrnoException).code ?? '';
  const reason = reasons[code]?.() ?? (error instanceof Error ? error.message : String(error));
  return Object.assign(new Error(`${act}: ${reason}`, { cause: error }), { code });
}
