#!/usr/bin/env python3
"""Mutants of the reference implementation that nobody chose: cargo-mutants makes them, `vdi run`
judges.

    rust.py                                  all of them: a day
    rust.py --every 40                       each fortieth
    rust.py --results FILE --table           what has been judged, as the table of the docs

Needs cargo-mutants (its version: cargo-mutants.version).  Each mutant is the tree with one thing
changed, in a worktree of git's, so commit first; what is built of it is the example
reference_adapter of vdi_suite.  It is killed if `vdi run --adapter` does not exit with 0.  One
that does not compile is none.
"""

import json
import subprocess
import tempfile
from collections import Counter
from pathlib import Path

from judging import HERE, TOP, Equivalent, arguments, hunt, judge, key

PACKAGE = "vdi_reference"
BUILD = ("cargo", "build", "-q", "-p", "vdi_suite", "--example", "reference_adapter")


def mutants(tree):
    """Every mutant with its diff, in the order of cargo-mutants."""
    command = ["cargo", "mutants", "--list", "--json", "--diff", "--package", PACKAGE]
    listed = subprocess.run(command, cwd=tree, stdout=subprocess.PIPE, check=True).stdout
    alike = Counter()
    for one in json.loads(listed):
        lines = one["diff"].splitlines()
        texts = [" ".join(line[1:].strip() for line in lines
                          if line[:1] == sign and line[:3] != sign * 3) for sign in "-+"]
        mutant = {"module": Path(one["file"]).stem,
                  "in": (one.get("function") or {}).get("function_name", ""),
                  "old": texts[0], "new": texts[1], "operator": one["genre"]}
        alike[key(mutant)] += 1
        mutant["number"] = alike[key(mutant)]
        # Its header tells what is replaced, and not the file.
        changed = "".join(line for line in one["diff"].splitlines(keepends=True)[2:])
        yield mutant, "--- a/%s\n+++ b/%s\n%s" % (one["file"], one["file"], changed)


def judged(vdi, tree, diff, more):
    """What becomes of one mutant."""
    patch = ["git", "apply", "--whitespace=nowarn", "-"]
    subprocess.run(patch, cwd=tree, input=diff.encode(), check=True)
    try:
        built = subprocess.run(BUILD, cwd=tree, stdout=subprocess.DEVNULL,
                               stderr=subprocess.DEVNULL, check=False)
        if built.returncode != 0:
            return "not built", ""
        adapter = tree / "target" / "debug" / "examples" / "reference_adapter"
        return judge(vdi, str(adapter), more)
    finally:
        subprocess.run([*patch, "--reverse"], cwd=tree, input=diff.encode(), check=True)


def main():
    """Judge the mutants that were asked for."""
    options = arguments(__doc__.partition("\n")[0])
    options.add_argument("--tree", type=Path, metavar="FOLDER",
                         help="a checkout to change and build in, instead of a worktree")
    given = options.parse_args()
    vdi = str(Path(given.vdi).resolve())
    equivalent = Equivalent(HERE / "equivalent-rust.json")

    def hunt_in(tree):
        hunt(given, lambda: mutants(tree),
             lambda _mutant, diff: judged(vdi, tree, diff, given.more), equivalent)

    if given.table or given.tree:
        hunt_in(given.tree or TOP)
        return
    with tempfile.TemporaryDirectory() as folder:
        tree = Path(folder) / "tree"
        git = ["git", "-C", str(TOP), "worktree"]
        subprocess.run([*git, "add", "-q", "--detach", str(tree)], check=True)
        try:
            hunt_in(tree)
        finally:
            subprocess.run([*git, "remove", "--force", str(tree)], check=True)


if __name__ == "__main__":
    main()
