// The Wi-Fi networks that the device knows, and a form for another one. The device tries that for a while; a page that still
// reaches it then, wherever it is, says so, and with that the network is kept.

import { useEffect, useState } from 'preact/hooks';

import {
  describeWifiTrial,
  wifiNews,
  type KnownNetwork,
  type WifiNetworks,
  type WifiSecurity,
  type WifiTrial,
} from '../../shared/network/wifi-api.ts';
import type { WebStatus } from '../../shared/api/web-api.ts';
import { addWifi, confirmWifi, readWifi, removeWifi } from '../device/actions.ts';
import { useAct } from '../parts/act.tsx';
import { Notice } from '../parts/notice.tsx';

const SECURITY_WORDS: Readonly<Record<WifiSecurity, string>> = {
  wpa2: 'WPA2',
  wpa3: 'WPA3 only',
  open: 'open',
};

/** Trials that were begun in this tab, and those that it has said to reach. */
const begun = new Set<string>();
const confirmed = new Set<string>();

export function WifiNotice({ status }: { status: WebStatus }) {
  const { mayChange, attempt } = useAct();
  const trials = status.system.wifi;
  const trial = trials?.trial ?? null;
  useEffect(() => {
    // Being here at all is what the device waits to hear of.
    if (trial?.phase !== 'joined' || !begun.has(trial.id) || confirmed.has(trial.id)) return;
    const { id } = trial;
    confirmed.add(id);
    const keep = confirmWifi(id).catch((error: unknown) => {
      // A device that changes its network loses requests: it is told again with the next status.
      confirmed.delete(id);
      throw error;
    });
    attempt('Cannot keep the network', keep);
  }, [trial?.id, trial?.phase, status.timeMs]);
  const news = trials && wifiNews(trials, status.timeMs);
  if (news === undefined || news === null) return null;
  const isWell = trial === null && trials?.last?.isKept === true;
  return (
    <div class="notices">
      <Notice kind={isWell ? 'note' : 'warning'}>
        {news}. {mayChange && <KeepButton trial={trial} />}
      </Notice>
    </div>
  );
}

/** For who has not begun it here, or whose page was loaded anew at the device's new address. */
function KeepButton({ trial }: { trial: WifiTrial | null }) {
  const { attempt } = useAct();
  if (trial?.phase !== 'joined' || begun.has(trial.id)) return null;
  const keep = () => {
    attempt('Cannot keep the network', confirmWifi(trial.id));
  };
  return (
    <button type="button" class="button" onClick={keep}>
      Keep network
    </button>
  );
}

export function WifiCard({ status }: { status: WebStatus }) {
  const { mayChange } = useAct();
  const [known, setKnown] = useState<WifiNetworks>();
  const { trial = null, last = null } = status.system.wifi ?? {};
  const hasWifi = status.network?.wifi !== undefined;
  useEffect(() => {
    if (!hasWifi) return;
    // An older device does not tell; one that is away is asked again by the next change.
    readWifi().then(setKnown, () => undefined);
  }, [hasWifi, trial?.id, last?.id]);
  if (!hasWifi || known === undefined) return null;
  const joined = new Set((status.network?.interfaces ?? []).map(({ wifi }) => wifi?.ssid));
  return (
    <section class="card" aria-labelledby="wifi">
      <h2 id="wifi">Wi-Fi</h2>
      {known.networks.length === 0 && <p class="empty">The device knows no network.</p>}
      <ul class="wifi-networks">
        {known.networks.map((network) => (
          <Network
            key={network.ssid}
            network={network}
            isJoined={joined.has(network.ssid)}
            onChange={setKnown}
          />
        ))}
      </ul>
      {mayChange && trial === null && <AddForm onChange={setKnown} />}
      {trial !== null && <p class="empty">{describeWifiTrial({ trial, last })} …</p>}
    </section>
  );
}

function Network({
  network: { ssid, security, hidden },
  isJoined,
  onChange,
}: {
  network: KnownNetwork;
  isJoined: boolean;
  onChange: (known: WifiNetworks) => void;
}) {
  const { mayChange, ask, attempt } = useAct();
  const remove = () => {
    ask({
      title: `Remove Wi-Fi "${ssid}"?`,
      text: isJoined
        ? 'The device is in this network now. It may not be reached any more then, but by cable or another network.'
        : 'The device forgets its key.',
      act: 'Remove',
      isDangerous: isJoined,
      run: () => {
        attempt('Cannot remove the network', removeWifi(ssid, isJoined).then(onChange));
      },
    });
  };
  return (
    <li>
      <span>
        <b>{ssid}</b>{' '}
        <span class="quiet">
          {[SECURITY_WORDS[security], hidden && 'hidden', isJoined && 'joined'].filter(Boolean).join(', ')}
        </span>
      </span>
      {mayChange && (
        <button type="button" class="button" onClick={remove} aria-label={`Remove ${ssid}`}>
          Remove
        </button>
      )}
    </li>
  );
}

function AddForm({ onChange }: { onChange: (known: WifiNetworks) => void }) {
  const [security, setSecurity] = useState<WifiSecurity>('wpa2');
  const [problem, setProblem] = useState<string>();
  const [isBusy, setBusy] = useState(false);
  const submit = async (form: HTMLFormElement) => {
    const entries = new FormData(form);
    const textOf = (name: string): string => {
      const value = entries.get(name);
      return typeof value === 'string' ? value : '';
    };
    setBusy(true);
    setProblem(undefined);
    try {
      const known = await addWifi({
        ssid: textOf('ssid'),
        ...(security === 'open' ? { open: true } : { passphrase: textOf('passphrase') }),
        ...(security === 'wpa3' && { wpa3: true }),
        ...(entries.has('hidden') && { hidden: true }),
        isTried: !entries.has('later'),
      });
      if (known.trial !== null) begun.add(known.trial.id);
      form.reset();
      onChange(known);
    } catch (error) {
      setProblem(error instanceof Error ? error.message : String(error));
    }
    setBusy(false);
  };
  return (
    <details class="wifi-add">
      <summary>Add a network</summary>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          void submit(event.currentTarget);
        }}
      >
        <label>
          Name
          <input type="text" name="ssid" maxLength={32} autocomplete="off" spellcheck={false} required />
        </label>
        <label>
          Protection
          <select
            name="security"
            value={security}
            onChange={(event) => {
              setSecurity(event.currentTarget.value as WifiSecurity);
            }}
          >
            <option value="wpa2">WPA2, or WPA2 and WPA3</option>
            <option value="wpa3">WPA3 only</option>
            <option value="open">open</option>
          </select>
        </label>
        {security !== 'open' && (
          <label>
            Passphrase
            <input
              type="password"
              name="passphrase"
              autocomplete="off"
              minLength={8}
              maxLength={63}
              required
            />
          </label>
        )}
        <label class="check">
          <input type="checkbox" name="hidden" /> It does not say its name (hidden)
        </label>
        <label class="check">
          <input type="checkbox" name="later" /> Do not try it now: it is for another place
        </label>
        {problem !== undefined && (
          <p class="wifi-problem" role="alert">
            {problem}
          </p>
        )}
        <button type="submit" class="button primary" disabled={isBusy}>
          Add network
        </button>
        <p class="quiet">
          The device leaves its network for the new one. If it does not get into that within 30 s, or this
          page does not reach it there within 30 s more, it goes back by itself.
        </p>
      </form>
    </details>
  );
}
