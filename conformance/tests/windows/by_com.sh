# A client and a server that know of the library what is published, written anew: by its path,
# as COM finds it, and let go of by COM. Sourced by com.sh.

x86_64-w64-mingw32-g++ -std=c++17 -O2 -Wall -Wextra -Werror -municode -static \
  -o "$work/bare/by_com.exe" "$here/by_com.cpp" -lole32 -luuid
by_com() { "$wine" "$work/bare/by_com.exe" "$@" | tr -d '\r'; }
key='Software\Classes\CLSID\{40700425-0080-11d2-851f-00c04fc21759}'
# What is written there; fails if nothing is.
written() { "$wine" reg query "$1\\$key" /s 2>/dev/null | tr -d '\r'; }
regsvr32() { "$wine" regsvr32 /s "$@"; }

stage 'ids, places and widths, written anew: a client and a server, by path'
by_com "$dll" classes | tee "$work/classes"
grep -qx "nobody's: 80040111" "$work/classes"
by_com "$dll" backup | tee "$work/backup"
grep -qx '21 commands, sum 78a79dc5' "$work/backup"

# How COM finds it makes no other library of it.
found() {
  by_com registered classes | sed "s/^nobody's: 80040154/nobody's: 80040111/" | cmp - "$work/classes"
  by_com registered backup | cmp - "$work/backup"
  by_com registered unused >"$work/unused"
  # Nobody uses it: COM has let go of it, and not before.
  grep -qx 'unused: gone' "$work/unused"
  by_com registered inside >"$work/inside"
  grep -qx 'the agent has returned' "$work/inside"
}

stage 'as COM finds it: registered for the machine, by manifest; let go of by COM'
by_com registered classes >"$work/none"
test "$(grep -c ': 80040154$' "$work/none")" = "$(wc -l <"$work/classes")"
regsvr32 "$dll"
written HKLM | grep -q 'ThreadingModel.*Both'
found
regsvr32 /u "$dll"
if written HKLM >/dev/null; then exit 1; fi
by_com registered classes | cmp - "$work/none"
cp "$here/../../../sim/com/dll/sqlvdi.manifest" "$work/bare/by_com.exe.manifest"
found
rm "$work/bare/by_com.exe.manifest"

stage 'for a user: what is written, and taken away; Wine 8 looks there for no class'
regsvr32 /n /i:user "$dll"
written HKCU | grep -qiF "$dll"
if written HKLM >/dev/null; then exit 1; fi
regsvr32 /u /n /i:user "$dll"
if written HKCU >/dev/null; then exit 1; fi

stage 'a library that lets itself be unloaded, whatever lives, is noticed so, too'
# Beside it is what it needs of Windows.
cp "$work/bare/by_com.exe" "$work/defective"
regsvr32 "$(winepath -w "$work/defective/sqlvdi.dll")"
defective_unused() { "$wine" "$work/defective/by_com.exe" registered unused >"$work/unused" 2>&1; }
defective_unused
if VDI_DEFECT=always-unloads defective_unused; then exit 1; fi
regsvr32 /u "$(winepath -w "$work/defective/sqlvdi.dll")"
