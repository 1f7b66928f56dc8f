// The numbers and layouts of src/app/gpio/abi.ts against the kernel's header, as a C compiler sees it (linux-libc-dev).

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import * as abi from '../../src/app/gpio/abi.ts';
import { requireTool } from '../support/require-tool.ts';

/** Writes what a device would: structures that our code wrote it reads, and those that our code reads it writes. */
const PROGRAM = String.raw`
#include <linux/gpio.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#define SAY(name, value) printf("%s %llu\n", name, (unsigned long long)(value))
int main(int argc, char **argv) {
  if (argc > 1) {
    struct gpio_v2_line_request r;
    if (fread(&r, sizeof r, 1, stdin) != 1) return 1;
    printf("offset %u consumer %s flags %llu lines %u buffer %u attrs %u\n", r.offsets[0], r.consumer,
      (unsigned long long)r.config.flags, r.num_lines, r.event_buffer_size, r.config.num_attrs);
    for (unsigned i = 0; i < r.config.num_attrs; i++) {
      struct gpio_v2_line_config_attribute *a = &r.config.attrs[i];
      if (a->attr.id == GPIO_V2_LINE_ATTR_ID_OUTPUT_VALUES)
        printf("values %llu", (unsigned long long)a->attr.values);
      else if (a->attr.id == GPIO_V2_LINE_ATTR_ID_DEBOUNCE) printf("debounce %u", a->attr.debounce_period_us);
      printf(" of %llu\n", (unsigned long long)a->mask);
    }
    struct gpio_v2_line_info info = { .name = "SDA1", .consumer = "pump", .flags = GPIO_V2_LINE_FLAG_USED };
    struct gpiochip_info chip = { .name = "gpiochip0", .label = "pinctrl-rp1", .lines = 54 };
    struct gpio_v2_line_event event = { .timestamp_ns = 12345678901ULL, .id = GPIO_V2_LINE_EVENT_RISING_EDGE,
      .offset = 4, .seqno = 8, .line_seqno = 7 };
    fwrite(&info, sizeof info, 1, stderr);
    fwrite(&chip, sizeof chip, 1, stderr);
    fwrite(&event, sizeof event, 1, stderr);
    return 0;
  }
  SAY("GPIO_GET_CHIPINFO_IOCTL", GPIO_GET_CHIPINFO_IOCTL);
  SAY("GPIO_V2_GET_LINEINFO_IOCTL", GPIO_V2_GET_LINEINFO_IOCTL);
  SAY("GPIO_V2_GET_LINE_IOCTL", GPIO_V2_GET_LINE_IOCTL);
  SAY("GPIO_V2_LINE_SET_CONFIG_IOCTL", GPIO_V2_LINE_SET_CONFIG_IOCTL);
  SAY("GPIO_V2_LINE_GET_VALUES_IOCTL", GPIO_V2_LINE_GET_VALUES_IOCTL);
  SAY("GPIO_V2_LINE_SET_VALUES_IOCTL", GPIO_V2_LINE_SET_VALUES_IOCTL);
  SAY("CHIP_INFO_BYTES", sizeof(struct gpiochip_info));
  SAY("LINE_INFO_BYTES", sizeof(struct gpio_v2_line_info));
  SAY("LINE_CONFIG_BYTES", sizeof(struct gpio_v2_line_config));
  SAY("LINE_REQUEST_BYTES", sizeof(struct gpio_v2_line_request));
  SAY("LINE_EVENT_BYTES", sizeof(struct gpio_v2_line_event));
  SAY("used", GPIO_V2_LINE_FLAG_USED);
  SAY("activeLow", GPIO_V2_LINE_FLAG_ACTIVE_LOW);
  SAY("input", GPIO_V2_LINE_FLAG_INPUT);
  SAY("output", GPIO_V2_LINE_FLAG_OUTPUT);
  SAY("edgeRising", GPIO_V2_LINE_FLAG_EDGE_RISING);
  SAY("edgeFalling", GPIO_V2_LINE_FLAG_EDGE_FALLING);
  SAY("openDrain", GPIO_V2_LINE_FLAG_OPEN_DRAIN);
  SAY("openSource", GPIO_V2_LINE_FLAG_OPEN_SOURCE);
  SAY("biasPullUp", GPIO_V2_LINE_FLAG_BIAS_PULL_UP);
  SAY("biasPullDown", GPIO_V2_LINE_FLAG_BIAS_PULL_DOWN);
  SAY("biasDisabled", GPIO_V2_LINE_FLAG_BIAS_DISABLED);
  return 0;
}
`;

function compile(t: TestContext): string {
  const directory = mkdtempSync(join(tmpdir(), 'tsk-gpio-abi-'));
  t.after(() => rmSync(directory, { recursive: true }));
  writeFileSync(join(directory, 'abi.c'), PROGRAM);
  execFileSync('cc', ['-o', join(directory, 'abi'), join(directory, 'abi.c')]);
  return join(directory, 'abi');
}

test('numbers, flags and sizes are those of linux/gpio.h', (t) => {
  if (!requireTool(t, 'cc')) return;
  const lines = execFileSync(compile(t), { encoding: 'utf8' }).trim().split('\n');
  const config = { flags: 0n };
  const request = { offset: 0, consumer: '', config, eventBufferSize: 0 };
  const ours: Record<string, unknown> = {
    ...abi,
    ...abi.FLAG,
    LINE_CONFIG_BYTES: abi.encodeLineConfig(config).length,
    LINE_REQUEST_BYTES: abi.encodeLineRequest(request).length,
  };
  for (const line of lines) {
    const [name = '', value] = line.split(' ');
    assert.equal(String(ours[name]), value, name);
  }
  assert.equal(lines.length, 11 + Object.keys(abi.FLAG).length);
});

test('a request that we write, and all that we read, have their fields where C has them', (t) => {
  if (!requireTool(t, 'cc')) return;
  const program = compile(t);
  const read = (request: abi.LineRequest): { said: string[]; written: Buffer } => {
    const input = abi.encodeLineRequest(request);
    const written = execFileSync('sh', ['-c', 'exec "$0" x 2>&1 >"$1"', program, `${program}.said`], {
      input,
    });
    return {
      said: execFileSync('cat', [`${program}.said`], { encoding: 'utf8' })
        .trim()
        .split('\n'),
      written,
    };
  };
  const { said, written } = read({
    offset: 17,
    consumer: 'a name that is longer than the kernel has room for',
    config: { flags: abi.FLAG.output | abi.FLAG.openDrain, value: true },
    eventBufferSize: 0,
  });
  assert.deepEqual(said, [
    'offset 17 consumer a name that is longer than the  flags 72 lines 1 buffer 0 attrs 1',
    'values 1 of 1',
  ]);
  const input = { flags: abi.FLAG.input, debounceUs: 5000 };
  assert.deepEqual(read({ offset: 4, consumer: 'button', config: input, eventBufferSize: 1024 }).said, [
    'offset 4 consumer button flags 4 lines 1 buffer 1024 attrs 1',
    'debounce 5000 of 1',
  ]);
  const info = written.subarray(0, abi.LINE_INFO_BYTES);
  assert.deepEqual(abi.decodeLineInfo(info), { name: 'SDA1', consumer: 'pump', isUsed: true });
  const chip = written.subarray(info.length, info.length + abi.CHIP_INFO_BYTES);
  assert.deepEqual(abi.decodeChipInfo(chip), { name: 'gpiochip0', label: 'pinctrl-rp1', lines: 54 });
  const event = written.subarray(info.length + chip.length);
  assert.equal(event.length, abi.LINE_EVENT_BYTES);
  assert.deepEqual(abi.decodeLineEvent(new DataView(event.buffer, event.byteOffset), 0), {
    timestampNs: 12345678901n,
    isRising: true,
    sequence: 7,
  });
});
