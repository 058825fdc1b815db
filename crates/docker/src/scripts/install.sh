# Installs packages, as root: $1 python, npm or system; then their names.
kind=$1
shift
exec 2>&1
case $kind in
  python) PIP_BREAK_SYSTEM_PACKAGES=1 exec python3 -m pip install --no-input --disable-pip-version-check -- "$@";;
  npm) exec npm install --global --no-fund --no-audit -- "$@";;
  system)
    if command -v apt-get > /dev/null; then
      apt-get update && DEBIAN_FRONTEND=noninteractive exec apt-get install --yes --no-install-recommends -- "$@"
    elif command -v apk > /dev/null; then exec apk add --no-cache "$@"
    elif command -v dnf > /dev/null; then exec dnf install --assumeyes "$@"
    else echo 'the image has none of apt-get, apk and dnf'; exit 1; fi;;
esac
