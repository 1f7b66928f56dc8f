// What changes rarely: network, build and components, and the switches of the whole device.

import { describeLink, describeOtherNetworks } from '../../shared/api/describe-link.ts';
import type { PermStatus } from '../../shared/api/init-api.ts';
import type { InterfaceStatus } from '../../shared/network/net-status.ts';
import { shortBuildId } from '../../shared/manifest/short-build-id.ts';
import type { TimeStatus } from '../../shared/network/time-status.ts';
import type { WebStatus } from '../../shared/api/web-api.ts';
import { power } from '../device/actions.ts';
import { formatBytes, formatDateTime, formatDuration } from '../parts/format.ts';
import { useAct } from '../parts/act.tsx';
import { Fact } from '../parts/fact.tsx';
import { Icon } from '../parts/icons.tsx';
import { logHref, UPDATES_HREF } from './route.ts';
import { HardwareFacts } from './hardware-facts.tsx';
import { Bar } from './vitals.tsx';

const DHCP_WORDS: Readonly<Record<string, string>> = {
  'no-carrier': 'not connected',
  waiting: 'waiting for the next try',
  selecting: 'looking for a DHCP server',
  requesting: 'asking for an address',
  rebooting: 'asking for its earlier address',
  probing: 'making sure that the address is free',
  bound: 'address by DHCP',
  renewing: 'renewing its address',
  rebinding: 'looking for a server to renew its address',
};

function interfaceState(each: InterfaceStatus): string {
  if (!each.carrier) return describeLink(each);
  if (each.ipv4 === 'dhcp') return DHCP_WORDS[each.dhcp?.state ?? ''] ?? 'DHCP';
  return each.ipv4 === 'static' ? 'static address' : 'off';
}

function Interface({ of, status }: { of: InterfaceStatus; status: WebStatus }) {
  const traffic = status.usage.traffic.find((each) => each.interfaceName === of.name);
  const expiresAtMs = of.dhcp?.lease?.expiresAtMs ?? null;
  return (
    <div class="interface">
      <h3>
        {of.name} <span class="quiet">{interfaceState(of)}</span>
      </h3>
      <dl class="facts">
        {of.wifi && <Fact name="Network">{describeLink(of)}</Fact>}
        {describeOtherNetworks(of).map((text) => (
          <Fact name="Not in" key={text}>
            {text}
          </Fact>
        ))}
        <Fact name="Addresses">
          {of.addresses.length === 0
            ? 'none'
            : of.addresses.map((address) => (
                <span class="line mono" key={address}>
                  {address}
                </span>
              ))}
        </Fact>
        {of.gateways.length > 0 && (
          <Fact name="Router">
            <span class="mono">{of.gateways.join(', ')}</span>
          </Fact>
        )}
        {of.dns.length > 0 && (
          <Fact name="Name servers">
            <span class="mono">{of.dns.join(', ')}</span>
          </Fact>
        )}
        {expiresAtMs !== null && (
          <Fact name="Lease">ends in {formatDuration((expiresAtMs - status.timeMs) / 1000)}</Fact>
        )}
        {traffic && (
          <Fact name="Since start">
            ↓ {formatBytes(traffic.receivedBytes)}, ↑ {formatBytes(traffic.sentBytes)}
          </Fact>
        )}
        <Fact name="Hardware">
          <span class="mono">{of.mac}</span>
        </Fact>
        {of.problem !== null && of.ipv4 !== 'off' && (of.carrier || of.wifi !== undefined) && (
          <Fact name="Problem">{of.problem}</Fact>
        )}
        {(of.notes ?? []).map((note) => (
          <Fact name="Note" key={note}>
            {note}
          </Fact>
        ))}
      </dl>
    </div>
  );
}

export function NetworkCard({ status }: { status: WebStatus }) {
  const interfaces = status.network?.interfaces ?? [];
  const radios = status.network?.wifi?.problem ?? null;
  return (
    <section class="card" aria-labelledby="network">
      <h2 id="network">Network</h2>
      {radios !== null && <p class="empty">{radios}</p>}
      {interfaces.map((each) => (
        <Interface key={each.name} of={each} status={status} />
      ))}
      {interfaces.length === 0 && <p class="empty">The service net has not found an interface yet.</p>}
    </section>
  );
}

/** Shown when there is more to say than the tile does. */
export function StorageCard({ status }: { status: WebStatus }) {
  const { perm } = status.system;
  if (status.usage.disks.length <= 1) return null;
  return (
    <section class="card" aria-labelledby="storage">
      <h2 id="storage">Storage</h2>
      {status.usage.disks.map((disk) => (
        <div class="disk" key={disk.mountPoint}>
          <h3>
            {disk.mountPoint} <span class="quiet">{disk.mountPoint === '/perm' ? permPlace(perm) : ''}</span>
          </h3>
          <Bar
            used={disk.usedBytes}
            total={disk.totalBytes}
            label={`${formatBytes(disk.usedBytes)} of ${formatBytes(disk.totalBytes)} used`}
          />
          <p class="disk-figures">
            <span>{formatBytes(disk.usedBytes)} used</span>
            <span>{formatBytes(disk.availableBytes)} free</span>
          </p>
        </div>
      ))}
    </section>
  );
}

const COMPONENT_TITLES: Readonly<Record<string, string>> = {
  kernel: 'Linux kernel',
  node: 'Node.js',
  libc: 'GNU C library',
  'boot-loader': 'systemd-boot',
  'ca-certificates': 'CA certificates',
  busybox: 'shell of apps',
  tzdata: 'time zones',
};

export function BuildCard({ status }: { status: WebStatus }) {
  const { system } = status;
  return (
    <section class="card wide halves" aria-label="Build">
      <div>
        <h2>Build</h2>
        <dl class="facts">
          <Fact name="Identity">
            <span class="mono" title={system.buildId}>
              {shortBuildId(system.buildId)}
            </span>
          </Fact>
          <Fact name="Made">{formatDateTime(system.buildTimeSec * 1000)}</Fact>
          <Fact name="Made for">{system.board}</Fact>
          <Fact name="Runs from">
            {system.slot === null ? 'no slot' : `slot ${system.slot}`}, <a href={UPDATES_HREF}>updates</a>
          </Fact>
          <Fact name="Kernel runs">{system.kernel}</Fact>
          <Fact name="tskrazy">{system.tskrazyVersion}</Fact>
        </dl>
      </div>
      <div>
        <h2>Components</h2>
        <dl class="facts">
          {Object.entries(system.components).map(([name, version]) => (
            <Fact key={name} name={COMPONENT_TITLES[name] ?? name}>
              <span class="mono">{version}</span>
            </Fact>
          ))}
        </dl>
      </div>
    </section>
  );
}

function permPlace({ state, device }: PermStatus): string {
  if (state === 'pending') return 'being prepared';
  return state === 'tmpfs' ? 'in memory, not kept' : (device ?? 'mounted');
}

const WATCHDOG_WORDS = { fed: 'on', off: 'off', none: 'not there' } as const;

function describeClock({ synchronised, servers, problem }: TimeStatus): string {
  if (!synchronised) return problem ?? 'being set';
  const agreeing = servers.filter(({ state }) => state === 'agrees').map(({ name }) => name);
  if (agreeing.length === 0) return 'set earlier, by a time server';
  return `set by ${agreeing.length === 1 ? agreeing[0] : `${agreeing.length} time servers`}`;
}

export function DeviceCard({
  status,
  onPower,
}: {
  status: WebStatus;
  onPower: (act: 'reboot' | 'poweroff') => void;
}) {
  const { ask, attempt, mayChange } = useAct();
  const { system } = status;
  const requestPower = async (act: 'reboot' | 'poweroff') => {
    await power(act);
    onPower(act);
  };
  const request = (act: 'reboot' | 'poweroff') => () => {
    attempt(act === 'reboot' ? 'Cannot reboot' : 'Cannot power off', requestPower(act));
  };
  return (
    <section class="card" aria-labelledby="device">
      <h2 id="device">Device</h2>
      <dl class="facts">
        {status.network && status.network.mdnsName !== null && (
          <Fact name="Found as">
            <span class="mono">{status.network.mdnsName}</span>
          </Fact>
        )}
        {status.certificate && (
          <Fact name="Certificate">
            <span class="mono fingerprint">{status.certificate.fingerprint.replaceAll(':', ':\u200b')}</span>
            <span class="line quiet">SHA-256{status.certificate.isOwn ? ', your own' : ''}</span>
          </Fact>
        )}
        <HardwareFacts status={status} />
        <Fact name="Up since">{formatDateTime(system.bootedAtMs)}</Fact>
        <Fact name="Its clock">
          {formatDateTime(status.timeMs)}
          {status.time && <span class="line quiet">{describeClock(status.time)}</span>}
          {(status.time?.notes ?? []).map((note) => (
            <span class="line quiet" key={note}>
              {note}
            </span>
          ))}
        </Fact>
        <Fact name="Load">{system.loadAverage.map((load) => load.toFixed(2)).join('  ')}</Fact>
        <Fact name="/perm">
          {[permPlace(system.perm), system.perm.note].filter((part) => part !== null).join(', ')}
        </Fact>
        <Fact name="Watchdog">{WATCHDOG_WORDS[system.watchdog]}</Fact>
        <Fact name="Logs">
          <a href={logHref('init')}>init</a>, <a href={logHref('kernel')}>kernel</a>
        </Fact>
      </dl>
      {mayChange && (
        <div class="card-buttons">
          <button
            type="button"
            class="button"
            onClick={() => {
              ask({
                title: `Reboot ${system.hostname}?`,
                text: 'All apps stop and start again. You have to log in again afterwards.',
                act: 'Reboot',
                run: request('reboot'),
              });
            }}
          >
            <Icon name="restart" /> Reboot
          </button>
          <button
            type="button"
            class="button danger-quiet"
            onClick={() => {
              ask({
                title: `Power ${system.hostname} off?`,
                text: 'It can only be switched on again by hand, at the device.',
                act: 'Power off',
                isDangerous: true,
                run: request('poweroff'),
              });
            }}
          >
            <Icon name="power" /> Power off
          </button>
        </div>
      )}
    </section>
  );
}
