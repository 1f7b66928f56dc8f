// What the board is and how it is fed: only what it tells.

import { describeBootFirmware } from '../../shared/boot-loader/boot-firmware.ts';
import { describeBootDisk, describePower } from '../../shared/api/describe-hardware.ts';
import type { WebStatus } from '../../shared/api/web-api.ts';
import { formatBytes } from '../parts/format.ts';
import { Fact } from '../parts/fact.tsx';

export function HardwareFacts({ status }: { status: WebStatus }) {
  const { system, usage, revision, serialNumber, bootDisk } = status;
  const { power } = system;
  return (
    <>
      <Fact name="Board">
        {status.model ?? system.board}
        {revision && <span class="line quiet">revision {revision}</span>}
      </Fact>
      {serialNumber && (
        <Fact name="Serial number">
          <span class="mono">{serialNumber}</span>
        </Fact>
      )}
      {status.processor !== null && <Fact name="Processor">{status.processor}</Fact>}
      {status.update?.bootFirmware && (
        <Fact name="Firmware">{describeBootFirmware(status.update.bootFirmware)}</Fact>
      )}
      {power && <Fact name="Power">{describePower(power)}</Fact>}
      {typeof usage.fanRpm === 'number' && <Fact name="Fan">{usage.fanRpm} turns a minute</Fact>}
      {bootDisk && <Fact name="Starts from">{describeBootDisk(bootDisk, formatBytes)}</Fact>}
    </>
  );
}
