// The script by which a session enters the sandbox of an app: it joins the app's cgroup and its namespaces, becomes its user
// with its capabilities, and is a shell there, of a busybox in a place that the app does not see. What holds the door open
// meanwhile is root's, so that the app gets hold of nothing. bwrap's process 2 is the app.

import { CGROUP_OF_GUESTS } from '../../shared/breakglass/breakglass-api.ts';

/** Takes the name of an app and, for one command instead of a shell, that. */
export const ENTER = '/usr/lib/tskrazy/enter';

export const ENTER_SCRIPT = `#!/bin/busybox sh
app=$1
command=$2
group=/sys/fs/cgroup/apps/$app
unset pid plain
for each in $(cat "$group/cgroup.procs" 2>/dev/null); do
  case $(awk '$1 == "NSpid:" { print NF, $NF }' /proc/$each/status 2>/dev/null) in
    '3 2') pid=$each ;;
    '2 '*) [ "$(readlink /proc/$each/exe)" = /tsk/bin/bwrap ] || plain=\${plain:-$each} ;;
  esac
done
if [ -z "$pid$plain" ]; then
  echo "Cannot enter \\"$app\\": it is not running" >&2
  exit 1
fi
status() {
  awk -v key="$1:" '$1 == key { print $2 }' /proc/$pid/status
}
mkdir -p "$group/${CGROUP_OF_GUESTS}"
echo $$ >"$group/${CGROUP_OF_GUESTS}/cgroup.procs" || exit 1
export PS1="$app:\\\\w\\$ "
set -- sh
[ -z "$command" ] || set -- sh -c "$command"
if [ -z "$pid" ]; then
  export HOME=$(readlink /proc/$plain/cwd)
  cd "$HOME"
  exec "$@"
fi
set -- /boot/busybox "$@"
bounds=$((0x$(status CapBnd)))
capabilities=-all
bit=0
while [ $((bounds >> bit)) != 0 ]; do
  [ $((bounds >> bit & 1)) = 0 ] || capabilities=$capabilities,+cap_$bit
  bit=$((bit + 1))
done
groups=$(awk '$1 == "Groups:" { $1 = ""; gsub(/^ +| +$/, ""); gsub(/ +/, ","); print }' /proc/$pid/status)
set -- /tsk/bin/setpriv --reuid="$(status Uid)" --regid="$(status Gid)" \${groups:+--groups=$groups} \
  $([ -n "$groups" ] || echo --clear-groups) --no-new-privs --bounding-set=$capabilities --inh-caps=$capabilities \
  --ambient-caps=$capabilities -- "$@"
exec 9</bin
exec nsenter -t $pid -m -i -n -p -r /proc/self/fd/9/busybox sh -c '
  # Before the copy of the mounts: a directory of others has no path that could be entered.
  export HOME=$(readlink /proc/2/cwd)
  exec /proc/self/fd/9/busybox unshare -m /proc/self/fd/9/busybox sh -c "$0" enter "$@"
' '
  mount -t tmpfs -o mode=755,nosuid,nodev,size=8m tmpfs /boot || exit 1
  cp /proc/self/fd/9/busybox /boot/busybox || exit 1
  mount -o remount,ro,nosuid,nodev /boot
  exec 9<&-
  cd "$HOME"
  exec "$@"
' "$@"
`;
