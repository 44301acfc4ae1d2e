#!/usr/bin/env bash
# Every command of vdi.exe under Wine, beside the same of the vdi of Linux: the same bytes, the
# same exit codes, the same files, but for what `folded` says.
#
# usage: run.sh VDI FOLDER-WITH-VDI.EXE WORK
#
# Between processes the scenarios run that ON_WINDOWS says, as options; all without it.
set -euo pipefail
vdi=$(realpath "$1") exes=$(realpath "$2") work=$3
here=$(realpath "$(dirname "$0")")
top=$(realpath "$here/../../..")
export LC_ALL=C.UTF-8 WINEDEBUG=-all WINEPREFIX="$work/prefix"
wine=$(command -v wine || command -v wine64)
# Blanks and letters beyond ASCII in every path of the Windows side.
linux="$work/linux" windows="$work/Fenster für Backups" tools="$work/Werk zeug"
mkdir -p "$linux" "$windows" "$tools" "$work/out/linux" "$work/out/windows"
stage() { printf '%4s s ' "$SECONDS"; }
winepath() { "$wine" winepath.exe "$@" | tr -d '\r'; }
trap 'WINEPREFIX=$WINEPREFIX wineserver -k 2>/dev/null || true' EXIT

# Without what it would offer to install.
WINEDLLOVERRIDES='mscoree=;mshtml=' "$wine" wineboot -i >"$work/out/wineboot" 2>&1

cp "$exes/vdi.exe" "$exes/reference_adapter.exe" "$tools"
x86_64-w64-mingw32-gcc -O2 -shared -o "$tools/bcryptprimitives.dll" "$here/prng.c" -ladvapi32
lingers="lingers-$$.exe"
x86_64-w64-mingw32-gcc -O2 -o "$tools/$lingers" "$here/lingers.c"
for side in "$linux" "$windows"; do
  cp "$top/scenarios/recorded/one-device-backup.jsonl" "$side/trace.jsonl"
  cp "$top/scenarios/recorded/server-closes-the-set-early.jsonl" "$side/early.jsonl"
  sed 's/$/\r/' "$side/trace.jsonl" >"$side/crlf.jsonl"
  printf 'no trace \x1a \xff\n' >"$side/none.jsonl"
  # What SQL Server writes on Windows: UTF-16, lines that end with CR LF.
  printf '%s\r\n' 'BackupVirtualDeviceFile::ClearError: failure on backup device '"'A'"'. Operating system error 995.' \
    'BACKUP DATABASE is terminating abnormally.' | iconv -t UTF-16 >"$side/errorlog.txt"
done

count=0
input=/dev/null
# Runs a command on both sides: its name, the code that it ends with, the words.
both() {
  local name=$1 expected=$2 code side
  shift 2
  count=$((count + 1))
  for side in linux windows; do
    code=0
    if test $side = linux; then
      (cd "$linux" && "$vdi" "$@") <"$input" >"$work/out/linux/$name" \
        2>"$work/out/linux/$name.err" || code=$?
    else
      (cd "$windows" && "$wine" "$tools/vdi.exe" "$@") <"$input" >"$work/out/windows/$name" \
        2>"$work/out/windows/$name.err" || code=$?
    fi
    if test "$code" != "$expected"; then
      printf '%s on %s: exit %s, expected %s: vdi %s\n' "$name" $side "$code" "$expected" "$*"
      tail "$work/out/$side/$name" "$work/out/$side/$name.err"
      exit 1
    fi
  done
}

# What differs on purpose: separators in paths that are printed, quotes of command lines, the
# system's words for its errors, the program's name.
folded() {
  sed -e 's/\\/\//g' -e "s/'/\"/g" -e 's/: cannot be read: .*/: cannot be read/' -e 's/vdi\.exe/vdi/'
}

ending() { tail -n 1; }

# The two sides of a name are the same, the one of Windows as the filter gives it.
same() {
  if ! diff <("${2:-cat}" <"$work/out/linux/$1") <("${2:-cat}" <"$work/out/windows/$1"); then
    printf '%s is not the same: first of Linux, then of Windows\n' "$1"
    exit 1
  fi
}

printf '%s\n' "$(stage) what is read and told"
both version 0 --version
both list 0 list
both clauses 0 list clauses
both explain 0 explain VD_E_ABORT
both spanish 0 explain --language es
both unknown 64 explain such-a-word
both table 0 table server
both ask 0 ask --given Active server.main Close sset
both ask-trace 0 ask trace.jsonl server.main Close sset
both check 0 check trace.jsonl crlf.jsonl
both check-early 0 check early.jsonl --format json
both check-none 65 check none.jsonl
both check-missing 65 check 'no such file.jsonl'
both usage 64 check
input=$linux/trace.jsonl
both check-input 0 check -
input=$linux/crlf.jsonl
both check-crlf 0 check -
input=/dev/null
both view 0 view early.jsonl --output page.html
both redact 0 redact trace.jsonl
both redact-file 0 redact trace.jsonl --output redacted.jsonl
both join 0 join trace.jsonl --output joined.jsonl
both diagnose 2 diagnose errorlog.txt
both init-python 0 init python
both init-rust 0 init --language rust rust

printf '%s\n' "$(stage) scenarios, worlds, mutants"
both reference 0 run --reference --no-times --filter server/ --filter agent/ --format json
both threads 0 run --filter server/ --filter secondary/ --format junit --no-times --output run.xml
# shellcheck disable=SC2086
both processes 0 run --processes ${ON_WINDOWS:-} --no-times
both defect 1 run --defect forgets-delivered --filter server/close/ --traces traces --no-times
both page 1 run --defect forgets-delivered --filter server/close/ --format html --no-times
both replay 0 replay server/close/delivered-command --reference
both replay-trace 0 replay trace.jsonl --reference
both shrink 0 shrink server/close/delivered-command --defect forgets-delivered --output small.json
both readings 0 readings --reference
both mutants 0 mutants --filter forgets
both simulate 0 simulate --seeds 0..200 --digest --format json
both simulate-runtime 0 simulate --seeds 0..100 --on runtime --digest --format json
both world 0 simulate --seed 4 --trace world.jsonl
both shard-1 0 simulate --seeds 0..200 --shard 1/2 --output one.json
both shard-2 0 simulate --seeds 0..200 --shard 2/2 --output two.json
both merge 0 merge two.json one.json

for name in "$work"/out/linux/*; do
  name=${name##*/}
  case $name in
  check-missing.err | init-python | init-rust | usage.err | view) same "$name" folded ;;
  # Where calls overlap, their order is the system's.
  replay | replay-trace) same "$name" ending ;;
  *) same "$name" ;;
  esac
done
diff -r -x traces "$linux" "$windows"
diff <(cd "$linux" && find . | sort) <(cd "$windows" && find . | sort)

printf '%s\n' "$(stage) an adapter in a process of its own, by a path with blanks"
(cd "$windows" && "$wine" "$tools/vdi.exe" run --filter server/ --filter abort/ \
  --adapter "\"$(winepath -w "$tools/reference_adapter.exe")\"") >"$work/out/adapter"
tail -n 1 "$work/out/adapter"
if "$wine" "$tools/vdi.exe" run --adapter no-such-program.exe >"$work/out/missing" 2>&1; then exit 1; fi
grep -q 'no-such-program.exe' "$work/out/missing"

printf '%s\n' "$(stage) every state of a small set"
"$wine" "$tools/vdi.exe" explore --devices 1 --commands 1 --buffers 1 >"$work/out/explored"
test "$(grep -c '^holds ' "$work/out/explored")" = 22

printf '%s\n' "$(stage) what is not there says so"
for command in 'gate --client x' 'serve' 'install folder'; do
  code=0
  # shellcheck disable=SC2086
  "$wine" "$tools/vdi.exe" $command >"$work/out/absent" 2>&1 || code=$?
  if test "$code" != 69 || ! grep -q 'is not there on Windows\|no server stands' "$work/out/absent"; then
    printf 'vdi %s: exit %s\n' "$command" "$code"
    cat "$work/out/absent"
    exit 1
  fi
done

printf '%s\n' "$(stage) a reader that leaves"
set +o pipefail
"$wine" "$tools/vdi.exe" list 2>"$work/out/left" | head -n 1 >/dev/null
test "${PIPESTATUS[0]}" = 0
set -o pipefail
test ! -s "$work/out/left"

# Those that an adapter that never ends has started, zombies not counted.
lingering() { pgrep -r R,S,D -f -c "$lingers" || true; }
# Waits until so many are there.
until_there_are() {
  for _ in $(seq 100); do
    if test "$(lingering)" "$1" "$2"; then return 0; fi
    sleep 0.1
  done
  printf '%s of %s run\n' "$(lingering)" "$lingers"
  exit 1
}
for signal in KILL INT; do
  printf '%s\n' "$(stage) SIG$signal ends vdi.exe with its children and theirs"
  # Its own name among those of the system.
  cp "$tools/vdi.exe" "$tools/vdi-$signal-$$.exe"
  "$wine" "$tools/vdi-$signal-$$.exe" run --filter server/open/ --jobs 1 --timeout 600 \
    --adapter "\"$(winepath -w "$tools/$lingers")\"" >"$work/out/$signal" 2>&1 &
  waited=$!
  # The adapter that is driven, and what it has started; vdi.exe itself names it, too.
  until_there_are -ge 3
  kill -s "$signal" "$(pgrep -f -o "vdi-$signal-$$.exe")"
  code=0
  wait "$waited" 2>/dev/null || code=$?
  until_there_are -eq 0
  if test $signal = INT; then test "$code" = 130; fi
done
printf '%s\n' "$(stage) $count commands, the same bytes"
