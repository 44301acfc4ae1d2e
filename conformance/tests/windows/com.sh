#!/usr/bin/env bash
# sqlvdi.dll by COM, under Wine: its contract, its scenarios, another client, the recorder before
# it, a client program with its server, and what is wrong on purpose.
#
# usage: com.sh VDI ADAPTER.EXE SQLVDI.DLL DEFECTIVE.DLL RECORDER.DLL VDI.EXE WORK
#
# COM_SCENARIOS says which scenarios run, as options; all without it.
set -euo pipefail
vdi=$(realpath "$1") vdi_exe=$(realpath "$6") work=$7
here=$(realpath "$(dirname "$0")")
export LC_ALL=C.UTF-8 WINEDEBUG=-all WINEPREFIX="$work/prefix"
# Without what it would offer to install, and without a debugger for what crashes.
export WINEDLLOVERRIDES='mscoree=;mshtml=;winedbg.exe='
wine=$(command -v wine || command -v wine64)
mkdir -p "$work/sound" "$work/defective" "$work/bare"
trap 'wineserver -k 2>/dev/null || true' EXIT
stage() { printf '%4s s %s\n' "$SECONDS" "$1"; }
winepath() { "$wine" winepath.exe "$@" | tr -d '\r'; }

"$wine" wineboot -i >"$work/wineboot" 2>&1
for folder in sound defective; do
  cp "$2" "$work/$folder/vdi-com-adapter.exe"
  # For the adapter, and for the library that is not optimised.
  x86_64-w64-mingw32-gcc -O2 -shared -o "$work/$folder/bcryptprimitives.dll" "$here/prng.c" -ladvapi32
done
cp "$3" "$work/bare/sqlvdi.dll"
cp "$4" "$work/defective/sqlvdi.dll"
cp "$5" "$work/bare/sqlvdi-record.dll"

stage 'its size, and what it is built of'
size=$(stat -c %s "$work/bare/sqlvdi.dll")
printf '       %s bytes\n' "$size"
test "$size" -lt 400000
for library in sqlvdi.dll sqlvdi-record.dll; do
  if x86_64-w64-mingw32-objdump -p "$work/bare/$library" | grep 'DLL Name: bcrypt'; then exit 1; fi
done

dll=$(winepath -w "$work/bare/sqlvdi.dll")
sound=("$wine" "$work/sound/vdi-com-adapter.exe" --dll "$dll")
stage 'its contract: ids, references, unloading with a thread inside'
"${sound[@]}" --contract </dev/null

# An adapter, in words that a shell of Linux takes apart.
line() { printf "'%s' " "$@"; }
# Runs scenarios: the adapter, what silence is to it, where it is told, options. What was not
# offered is counted there; that nothing was run is not. On a busy machine a silence may have been too
# short, and a verdict wrong: what fails is tried once more, alone, with a longer one.
scenarios() {
  local adapter=$1 grace=$2 told=$3 code=0 failed
  shift 3
  "$vdi" run --adapter "$adapter" --grace "$grace" --jobs 4 "$@" >"$told" 2>&1 || code=$?
  tail -n 1 "$told"
  grep -q ' conformant' "$told"
  failed=$(sed -n 's/^\(FAIL\|DISAGREE\) *\([^ ]*\).*/\2/p' "$told")
  if test "$code" -gt 2 || { test "$code" = 1 && test -z "$failed"; }; then
    cat "$told"
    exit 1
  fi
  local scenario
  for scenario in $failed; do
    printf '       once more: %s\n' "$scenario"
    if ! "$vdi" run --adapter "$adapter" --grace 500 --scenario "$scenario" >"$told.again" 2>&1; then
      cat "$told.again"
      exit 1
    fi
  done
}

stage 'scenarios, each in a process of its own'
# shellcheck disable=SC2086
scenarios "$(line "${sound[@]}")--queue-depth 64" 30 "$work/scenarios" ${COM_SCENARIOS:-}

stage 'server and client in processes of their own, some of which are killed'
scenarios "$(line "${sound[@]}")--queue-depth 64 --processes" 50 "$work/processes" --filter process/

# shellcheck source=/dev/null
source "$here/by_com.sh"
# shellcheck source=/dev/null
source "$here/record.sh"
# shellcheck source=/dev/null
source "$here/served.sh"

stage 'what is wrong on purpose'
dll=$(winepath -w "$work/defective/sqlvdi.dll")
defective=("$wine" "$work/defective/vdi-com-adapter.exe" --dll "$dll")
caught=0
by_contract() {
  local defect=$1 code=0
  shift
  VDI_DEFECT=$defect "${defective[@]}" --contract "$@" </dev/null >"$work/caught" 2>&1 || code=$?
  if test "$code" != 1; then
    printf '%s: not noticed by the contract: exit %s\n' "$defect" "$code"
    exit 1
  fi
  printf '       %-24s %s\n' "$defect" "$(head -n 1 "$work/caught" | cut -c 1-66)"
  caught=$((caught + 1))
}
by_scenario() {
  local defect=$1 scenario=$2 code=0
  VDI_DEFECT=$defect "$vdi" run --adapter "$(line "${defective[@]}")" --scenario "$scenario" --timeout 3 \
    >"$work/caught" 2>&1 || code=$?
  if test "$code" != 1; then
    printf '%s: not noticed by %s: exit %s\n' "$defect" "$scenario" "$code"
    exit 1
  fi
  printf '       %-24s %s\n' "$defect" "$scenario"
  caught=$((caught + 1))
}
by_client() {
  local defect=$1 code=0
  VDI_DEFECT=$defect "$wine" "$work/defective/by_com.exe" "$dll" backup >"$work/caught" 2>&1 || code=$?
  # Told, or a page fault.
  if test "$code" != 1 && test "$code" != 5; then
    printf '%s: not noticed by by_com: exit %s\n' "$defect" "$code"
    exit 1
  fi
  printf '       %-24s %s\n' "$defect" "$(tail -n 1 "$work/caught" | cut -c 1-66)"
  caught=$((caught + 1))
}
# Nothing is wrong with it unless it is told so.
"${defective[@]}" --contract </dev/null
by_contract counts-without-holding --try unload-agent-inside
by_contract counts-without-holding --try unload-in-routine
by_contract counts-without-holding --try unload-about-to-return
by_contract agent-uncounted --try unload-agent-inside
by_contract always-unloads --try counts
by_contract never-unloads --try counts
by_contract lock-uncounted --try counts
by_contract object-leaks --try identity
by_contract device-leaks --try devices
by_contract device-released --try devices
by_contract no-server-class --try classes
by_contract any-class --try classes
by_contract no-second-interface --try identity
by_contract not-agile --try classes
by_contract aggregates --try classes
by_contract out-not-cleared --try devices
by_contract block-size-second --try devices
by_contract seconds --try time
by_scenario instance-second generated/names/instance-another
by_scenario bytes-first device-errors/error-again
by_scenario narrow-position generated/callbacks/positions-told
by_contract narrow-names --try names
by_scenario cut-names generated/names/set-first-32
by_scenario wide-configuration server/close/delivered-command
by_scenario not-shared server/buffers/shared
by_scenario context-only server/close/delivered-command
by_scenario no-result server/close/delivered-command
by_client block-size-second
by_client bytes-first
by_client narrow-position
by_client not-shared
by_client context-only
by_client no-result
by_client no-second-interface
by_client device-leaks
printf '       %s caught\n' "$caught"
