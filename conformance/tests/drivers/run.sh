#!/usr/bin/env bash
# Every driver: one backup and a restore of the same bytes, one statement that fails, one that is
# cancelled. The client is `single`, unmodified; what it takes for sqlcmd is the driver.
#
#   run.sh KIT CLIENT TOOLS DRIVER...
#
# KIT is what `vdi install` has made, CLIENT the compiled client, TOOLS where Python's and Node's
# drivers are installed.
set -euo pipefail
kit=$1 client=$2 tools=$3
shift 3
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
work=$(mktemp -d)
servers=()
trap 'kill "${servers[@]}" 2>/dev/null || true; rm -rf "$work"' EXIT
mkdir "$work/data"
export VDI_DATA=$work/data VDI_PREFIX=drivers-$$- VDI_DRIVERS=$tools
export LD_LIBRARY_PATH=$kit/lib
jtds=/usr/share/java/jtds.jar

# A server, whose name is its outcome file, too; prints nothing, sets `address`.
serve() {
  local name=$1
  shift
  VDI_OUTCOME=$work/$name.jsonl "$kit/bin/vdi" serve --socket "$work/$name.sock" --tds 127.0.0.1:0 "$@" \
    >"$work/$name.said" 2>&1 &
  servers+=($!)
  until grep -qs 'listening for TDS' "$work/$name.said"; do
    kill -0 $! || { cat "$work/$name.said"; exit 1; }
    sleep 0.05
  done
  address=$(sed -n 's/^listening for TDS at \([^,]*\),.*/\1/p' "$work/$name.said")
}

# The program that sends a statement through a driver.
program() {
  local program=$work/$1
  case $1 in
  tsql) printf '%s\n' 'while [ "$1" != -Q ]; do shift; done' \
    'timeout -s KILL ${VDI_CANCEL:-1000} tsql -H "${VDI_TDS%:*}" -p "${VDI_TDS#*:}" -U sa -P x >"$VDI_SAID" 2>&1 <<END
$2
GO
END' 'code=$?' 'cat "$VDI_SAID"' 'test $code -eq 0 && ! grep -q "^Msg 3013" "$VDI_SAID"' ;;
  bsqldb) printf '%s\n' 'while [ "$1" != -Q ]; do shift; done' 'printf "%s\n" "$2" >"$VDI_SAID.sql"' \
    'timeout -s KILL ${VDI_CANCEL:-1000} bsqldb -S "$VDI_TDS" -U sa -P x -i "$VDI_SAID.sql"' ;;
  pymssql | pytds | pyodbc) echo "VDI_DRIVER=$1 exec '$tools/venv/bin/python' '$here/python.py' \"\$@\"" ;;
  tedious | mssql) echo "VDI_DRIVER=$1 exec node '$here/node.mjs' \"\$@\"" ;;
  tiberius) echo "exec '$tools/statement_by_tiberius' \"\$@\"" ;;
  jtds) echo "exec java -XX:TieredStopAtLevel=1 -cp '$jtds:$here' '$here/Jtds.java' \"\$@\"" ;;
  sybase) echo "exec timeout -s KILL \${VDI_CANCEL:-1000} perl '$here/sybase.pl' \"\$@\"" ;;
  dblib) echo "exec timeout -s KILL \${VDI_CANCEL:-1000} php '$here/dblib.php' \"\$@\"" ;;
  *) echo "$1: no driver" >&2; exit 64 ;;
  esac >"$program.sh"
  { echo '#!/bin/sh'; cat "$program.sh"; } >"$program"
  chmod +x "$program"
  export SQLCMD=$program VDI_SAID=$program.said
}

# What a client says is shown when it does not end as it should.
ends() {
  local expected=$1 code=0
  shift
  "$@" >"$work/said" 2>&1 || code=$?
  if test "$code" != "$expected"; then
    echo "$driver: $*: exit $code, expected $expected"
    cat "$work/said" "$work"/*.said
    exit 1
  fi
}

head -c 3M /dev/urandom >"$work/data/some"
cp "$work/data/some" "$work/original"
serve plain
plain=$address
serve paused --faults pause=60000@5
paused=$address

for driver in "$@"; do
  program "$driver"
  export VDI_TDS=$plain
  rm -f "$work/medium"
  ends 0 "$client" backup some "$work/medium" STATS=10
  rm "$work/data/some"
  ends 0 "$client" restore some "$work/medium" STATS=10
  cmp "$work/data/some" "$work/original"
  ends 1 "$client" backup some /dev/full
  rm -f "$work/paused.jsonl"
  export VDI_TDS=$paused VDI_CANCEL=1
  ends 1 "$client" backup some "$work/medium"
  unset VDI_CANCEL
  # The client may be told before this is written.
  until grep -qs endedBy "$work/paused.jsonl"; do sleep 0.05; done
  how=$(sed -n 's/.*"endedBy":"\([^"]*\)".*/\1/p' "$work/paused.jsonl" | tail -n 1)
  test -n "$how" || { echo "$driver: nothing has ended it"; cat "$work/paused.jsonl"; exit 1; }
  printf '%-9s the same bytes, a failure, and: %s\n' "$driver" "$how"
done

# Who begins a transaction without being told to is told why that cannot be.
for driver in "$@"; do
  case $driver in pymssql | pytds | pyodbc) ;; *) continue ;; esac
  program "$driver"
  export VDI_TDS=$plain
  VDI_TRANSACTION=default ends 1 "$client" backup some "$work/medium"
  grep -q 'within a transaction' "$work/said"
  printf '%-9s within a transaction of its own: refused\n' "$driver"
done
# Where each message is an end with more behind it, who does not read on ends the backup.
case " $* " in *' pyodbc '*)
  serve ends --tds-ends --faults slow=20
  program pyodbc
  export VDI_TDS=$address
  ends 0 "$client" backup some "$work/medium" STATS=10
  VDI_IMPATIENT=1 ends 1 "$client" backup some "$work/medium" STATS=10
  until grep -qs '"endedBy":"ended' "$work/ends.jsonl"; do sleep 0.05; done
  echo 'pyodbc    each message an end: the same bytes if it reads on, and no backup if it does not' ;;
esac
test -z "$(find /dev/shm -name "$VDI_PREFIX*")"
