#!/bin/sh
# Probes the client library of SQL Server's public container, and brings home what it does:
#   conformance/probe/container.sh FOLDER [OPTIONS OF vdi probe]
# FOLDER is new or empty. The container is started, and removed whatever comes of it; its databases
# go with it. To start it says yes to Microsoft's licence of SQL Server (ACCEPT_EULA).
#
# IMAGE  the container       VDI     the program vdi, built with --features probe
# DOCKER docker, or podman   SECONDS_TO_START  how long the server may take to answer
#
# Not yet run against the original: what is tried of it is tried with the stand-in in its place.
set -eu

IMAGE=${IMAGE:-mcr.microsoft.com/mssql/server:2022-latest}
VDI=${VDI:-target/release/vdi}
DOCKER=${DOCKER:-docker}
SECONDS_TO_START=${SECONDS_TO_START:-180}
LIBRARY=/opt/mssql/lib/libsqlvdi.so
HOME_INSIDE=/tmp/vdi-home
VDI_INSIDE=/tmp/vdi

die() {
  code=$1
  shift
  echo "container.sh: $*" >&2
  exit "$code"
}

[ $# -ge 1 ] || die 64 'expected the folder that comes home'
out=$1
shift
[ -x "$VDI" ] || die 69 "$VDI: no program; cargo build --release --features full makes it"
command -v "$DOCKER" > /dev/null || die 69 "$DOCKER: no such program"
if [ -e "$out" ] && [ -n "$(ls -A "$out")" ]; then
  die 64 "$out: there is something in it, expected a folder that is new or empty"
fi

# Of the kinds of characters that the server asks for; nobody needs to know it.
SQLCMDPASSWORD="Vdi-$(od -An -N12 -tx1 /dev/urandom | tr -d ' \n')"
MSSQL_SA_PASSWORD=$SQLCMDPASSWORD
export SQLCMDPASSWORD MSSQL_SA_PASSWORD
name="vdi-probe-$$"

inside() { "$DOCKER" exec -u mssql -e SQLCMDPASSWORD "$name" "$@"; }

remove() { "$DOCKER" rm -f "$name" > /dev/null 2>&1 || true; }
trap remove EXIT
trap 'exit 130' INT TERM

# The library and the server speak through the memory of one machine: the probe runs inside.
"$DOCKER" run -d --name "$name" --shm-size 1g -e ACCEPT_EULA=Y -e MSSQL_SA_PASSWORD "$IMAGE" > /dev/null ||
  die 69 "$IMAGE cannot be started"
"$DOCKER" cp "$VDI" "$name:$VDI_INSIDE"
inside "$VDI_INSIDE" --version > /dev/null ||
  die 69 "$VDI does not run in $IMAGE: build it on a system as old as that"
inside test -f "$LIBRARY" || die 69 "$IMAGE has no $LIBRARY"

sql=
for tools in /opt/mssql-tools18 /opt/mssql-tools; do
  if inside test -x "$tools/bin/sqlcmd"; then
    sql="$tools/bin/sqlcmd -S localhost -U sa -b"
    # The newer one asks for a certificate that somebody has signed.
    [ "$tools" = /opt/mssql-tools ] || sql="$sql -C"
    break
  fi
done
[ -n "$sql" ] || die 69 "$IMAGE has no sqlcmd"

waited=0
# shellcheck disable=SC2086 # the words of a command line
until inside $sql -Q 'SELECT 1' > /dev/null 2>&1; do
  [ "$waited" -lt "$SECONDS_TO_START" ] || die 69 "$IMAGE does not answer after $waited s"
  sleep 1
  waited=$((waited + 1))
done

code=0
inside "$VDI_INSIDE" probe --library "$LIBRARY" --sql "$sql -Q {statement}" \
  --database-prefix vdi_probe_ --out "$HOME_INSIDE" "$@" || code=$?
# A verdict comes home, whatever it is; what was not begun has left nothing.
if inside test -f "$HOME_INSIDE/SHA256SUMS"; then
  mkdir -p "$out"
  "$DOCKER" cp "$name:$HOME_INSIDE/." "$out"
  (cd "$out" && sha256sum --quiet -c SHA256SUMS) || die 70 "$out is not what was written"
  echo "$IMAGE: $out"
fi
exit "$code"
