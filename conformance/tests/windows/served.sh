# A client program for Windows, and sqlcmd.exe: BACKUP and RESTORE, failures, the recorder between
# them. Sourced by com.sh, after record.sh; $vdi_exe is vdi.exe.

stage 'a client program for Windows: BACKUP and RESTORE by sqlcmd.exe'
client=$work/client
mkdir -p "$client/data"
x86_64-w64-mingw32-g++ -std=c++17 -O2 -Wall -Wextra -Werror -municode -static \
  -o "$client/client.exe" "$here/client.cpp" -lole32 -luuid
cp "$work/sound/bcryptprimitives.dll" "$client"
for tool in vdi sqlcmd osql; do cp "$vdi_exe" "$client/$tool.exe"; done
data=$(winepath -w "$client/data")
client() { (cd "$client" && VDI_DATA=$data VDI_PREFIX=served- "$wine" client.exe "$@" 2>&1 | tr -d '\r'); }
fails() {
  if client "$@" >"$work/told"; then exit 1; fi
}
# Nobody has registered a library.
fails backup big medium
grep -q 'CoCreateInstance: 80040154' "$work/told"
regsvr32 "$dll"
head -c 3M /dev/urandom >"$client/data/big"
cp "$client/data/big" "$client/original"
client backup big medium | tee "$work/told"
grep -q 'BACKUP DATABASE successfully processed' "$work/told"
rm "$client/data/big"
client restore big medium >"$work/told"
grep -q 'RESTORE DATABASE successfully processed' "$work/told"
cmp "$client/data/big" "$client/original"

stage 'the same, when something fails: no database, another medium, a server that dies'
fails backup missing other
grep -q "Database 'missing' does not exist" "$work/told"
head -c 100K /dev/urandom >"$client/other"
fails restore big other
cmp "$client/data/big" "$client/original"
VDI_FAULTS=kill@4 fails backup big other
fails restore big other
cmp "$client/data/big" "$client/original"

stage 'recorded: the half of the client judged, the part of the server written'
regsvr32 "$recorder"
mkdir "$work/sides"
VDI_RECORD="$(winepath -w "$work/sides")\\client.jsonl" \
  VDI_TRACE="$(winepath -w "$work/sides")\\server.jsonl" client backup big medium >"$work/told"
regsvr32 /u "$recorder"
regsvr32 /u "$dll"
"$vdi" check "$work/sides/client.jsonl" | grep ': conformant$'
# As many commands sent as were got.
sent=$(grep -c '"call":"SendCommand"' "$work/sides/server.jsonl")
test "$sent" = "$(grep -c '"out":{"command"' "$work/sides/client.jsonl")"
test "$sent" -gt 10

stage 'vdi serve with statements, osql.exe'
(cd "$client" && VDI_DATA=$data "$wine" vdi.exe serve 'SELECT name FROM sys.databases') >"$work/told"
grep -q '^big' "$work/told"
(cd "$client" && VDI_DATA=$data "$wine" osql.exe -E -Q 'SELECT name FROM sys.databases') >"$work/told"
grep -q '^big' "$work/told"
