# sqlvdi-record.dll before sqlvdi.dll: by path, registered; what it records is judged; what a
# program sees is what it sees without. Sourced by com.sh, after by_com.sh.

recorder=$(winepath -w "$work/bare/sqlvdi-record.dll")
mkdir "$work/recorded"
recorded=$(winepath -w "$work/recorded")

stage 'a recorder before it, by path: the same results, and half a trace of each run'
# What a program does, with the recorder before the library, as it was without; how it ends.
behind() {
  local what=$1 expected=$2 code=0
  VDI_ORIGINAL=$dll VDI_RECORD="$recorded\\$what.jsonl" by_com "$recorder" "$what" \
    >"$work/behind" || code=$?
  test "$code" = "$expected"
}
judged() {
  local what=$1 expected=$2 code=0
  "$vdi" check "$work/recorded/$what.jsonl" >"$work/judged" || code=$?
  grep "^FAIL\|$what.jsonl:" "$work/judged"
  test "$code" = "$expected"
}
behind classes 0
cmp "$work/behind" "$work/classes"
behind backup 0
cmp "$work/behind" "$work/backup"
judged backup 0
test "$(grep -c '"call":"GetCommand"' "$work/recorded/backup.jsonl")" = 22
# A client that is at fault is found out.
behind twice 0
judged twice 1
grep -q '^FAIL.* client$' "$work/judged"
# The process ends itself with a command in hand: nothing of it is lost.
behind dies 3
grep -qx 'dies with 7 commands' "$work/behind"
judged dies 0
test "$(grep -c '"out":{"command"' "$work/recorded/dies.jsonl")" = 7
tail -n 1 "$work/recorded/dies.jsonl" | grep -q '"command":"c7"'
# It ends by itself, and has closed nothing.
behind leaves 0
judged leaves 1
tail -n 1 "$work/recorded/leaves.jsonl" | grep -q '"exit":"normal"'
# That there is no original, or that it is the recorder itself, is said.
by_com "$recorder" classes 2>&1 >/dev/null | grep -q 'no original'
VDI_ORIGINAL=$recorder by_com "$recorder" classes 2>&1 >/dev/null | grep -q 'this recorder itself'

stage 'the same where COM finds it: put before the library that is registered, and taken away'
regsvr32 "$recorder" && exit 1
if written HKLM >/dev/null; then exit 1; fi
regsvr32 "$dll"
written HKLM >"$work/before"
regsvr32 "$recorder"
regsvr32 "$recorder"
written HKLM | grep -qiF "$recorder"
VDI_RECORD="$recorded\\registered.jsonl" by_com registered backup | cmp - "$work/backup"
judged registered 0
VDI_RECORD="$recorded\\inside.jsonl" by_com registered inside | tail -n 1
judged inside 0
# Without a word nothing is recorded, and nothing is other than before.
by_com registered backup | cmp - "$work/backup"
test "$(find "$work/recorded" -type f | wc -l)" = 6
regsvr32 /u "$recorder"
written HKLM | cmp - "$work/before"
# For a user, before the machine's.
regsvr32 /n /i:user "$recorder"
written HKCU | grep -qiF "$recorder"
regsvr32 /u /n /i:user "$recorder"
if written HKCU >/dev/null; then exit 1; fi
regsvr32 /u "$dll"

stage 'scenarios through it: the same verdicts, and no half trace that accuses the library'
mkdir "$work/halves"
VDI_ORIGINAL=$dll VDI_RECORD="$(winepath -w "$work/halves")\\%s-%p.jsonl" scenarios \
  "$(line "$wine" "$work/sound/vdi-com-adapter.exe" --dll "$recorder")--queue-depth 64" 30 \
  "$work/through" --filter client/commands --filter client/devices
"$vdi" check "$work"/halves/*.jsonl >"$work/judged" || test $? = 1
test "$(grep -c ' events: ' "$work/judged")" -gt 30
if grep '^FAIL.* \(interface\|server\)$' "$work/judged"; then exit 1; fi
