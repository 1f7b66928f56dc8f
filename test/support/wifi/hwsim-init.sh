#!/bin/busybox sh
# Starts on Debian's kernel with three radios that only exist in it, gives two of them and the cable to access points in a
# network namespace of their own, and hands over to the product, which sees the third radio and nothing else. With hwsim.cable
# in the kernel's command line the product has the cable.
export PATH=/bin:/sbin
/bin/busybox --install -s /bin
mkdir -p /proc /sys /dev /new /ap
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t devtmpfs devtmpfs /dev 2>/dev/null
while read -r module options; do insmod "/modules/$module" $options || echo "hwsim: $module: cannot be loaded"; done < /modules/order

mount -t tmpfs -o size=64m tmpfs /ap
cp -a /bin /sbin /lib /ap/
[ -d /usr ] && cp -a /usr /ap/
mkdir -p /ap/dev /ap/proc /ap/sys /ap/tmp /ap/run
mount -t devtmpfs devtmpfs /ap/dev
mount -t proc proc /ap/proc

# Commands come by a port of their own; each is answered by its output and its end.
until [ -n "$port" ]; do
  for each in /dev/vport*p*; do [ -e "$each" ] && port=$each; done
  sleep 0.1
done
unshare -n chroot /ap /bin/sh -c 'export PATH=/bin:/sbin
  exec <>"$0" >&0 2>&0
  while :; do read -r line || { sleep 0.1; continue; }; eval "$line"; echo "@rc $?"; done' "$port" &
ap=$!
sleep 0.3
for each in phy0 phy1; do iw phy $each set netns $ap || echo "hwsim: a radio cannot be given away"; done
grep -q hwsim.cable /proc/cmdline || ip link set eth0 netns $ap || echo "hwsim: the cable cannot be given away"

until [ -e /dev/vda3 ]; do sleep 0.1; done
root=/dev/vda2
grep -q 'tskrazy.slot=b' /proc/cmdline && root=/dev/vda3
mount -t squashfs -o ro $root /new || exec sh
mount --move /dev /new/dev
umount /sys
umount /proc
exec switch_root /new /tsk/init
