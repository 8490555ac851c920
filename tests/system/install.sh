#!/bin/sh
# Installs the SIP programs that the system tests use, as root on Debian; says what to do elsewhere.
# What cannot be installed is no failure here: its tests are skipped, or fail where SIPEXPRESS_CI is set.
set -eu
packages="sip-tester baresip-core kamailio kamailio-python3-modules"
missing=
for package in $packages; do
    [ "$(dpkg-query -W -f '${Status}' "$package" 2>/dev/null)" = "install ok installed" ] || missing="$missing $package"
done
[ -n "$missing" ] || exit 0
if ! command -v apt-get >/dev/null || [ "$(id -u)" != 0 ]; then
    echo "not installed, tests that need them are skipped:$missing (run 'apt-get install$missing' as root)"
    exit 0
fi
# No service of theirs may start: a policy for the time of this script.
policy=/usr/sbin/policy-rc.d
kept=
restore() {
    rm -f "$policy"
    [ -z "$kept" ] || mv "$kept" "$policy"
}
trap '' HUP INT TERM # until what is to be taken back is known
if [ -e "$policy" ] || [ -L "$policy" ]; then
    name=$(mktemp "$policy.XXXXXX")
    mv "$policy" "$name"
    kept=$name
fi
trap restore EXIT
trap 'exit 1' HUP INT TERM
printf '#!/bin/sh\nexit 101\n' >"$policy"
chmod 755 "$policy"
echo "installing$missing"
export DEBIAN_FRONTEND=noninteractive
apt-get update -qq || echo "apt-get update has failed, the lists of before are used"
# shellcheck disable=SC2086 - a list
apt-get install -y -qq --no-install-recommends -o DPkg::Lock::Timeout=120 $missing >/dev/null ||
    echo "could not be installed, tests that need them are skipped:$missing"
