"""Mutants that a tool has made, judged by `vdi run --adapter`: what is common to all languages."""

import argparse
import json
import subprocess
import sys
from collections import Counter
from pathlib import Path

HERE = Path(__file__).resolve().parent
TOP = HERE.parents[2]

# Seconds for one mutant, whatever it does, and those without an answer after which it hangs.
LIMIT = 120
NO_ANSWER = "3"

# What the exit code of `vdi run` means for a mutant.
FATES = {0: "survived", 1: "violation", 2: "inconclusive", 69: "not started"}

# What tells one mutant from another, whatever stands around it; mutants that are alike are
# numbered.
KEY = ("module", "in", "old", "new", "number")


def key(mutant):
    """What tells this mutant from another."""
    return tuple(mutant.get(name, 1) for name in KEY)


def judge(vdi, adapter, more=(), environment=None):
    """Run the suite against an adapter until it fails: (fate, the first failure)."""
    command = [vdi, "run", "--adapter", adapter, "--max-fail", "1", "--timeout", NO_ANSWER, *more]
    try:
        done = subprocess.run(command, env=environment, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, timeout=LIMIT, check=False)
    except subprocess.TimeoutExpired:
        return "too long", ""
    lines = done.stdout.decode("utf-8", "replace").splitlines()
    told = [line.strip() for line in lines if line.startswith("FAIL")]
    return FATES.get(done.returncode, "exit %d" % done.returncode), (told or [""])[0]


def read_results(path):
    """What has been judged so far, by key."""
    if path is None or not path.exists():
        return {}
    found = (json.loads(line) for line in path.read_text(encoding="utf-8").splitlines())
    return {key(one): one for one in found}


class Equivalent:
    """The mutants that are no defects: groups of patterns, each group with its reason."""

    def __init__(self, path):
        self.groups = json.loads(path.read_text(encoding="utf-8"))
        self.used = set()

    def reason(self, mutant):
        """Why this one is no defect, or None.  A field that a pattern lacks may be anything."""
        for group in self.groups:
            for pattern in group["mutants"]:
                if all(mutant.get(name) == wanted for name, wanted in pattern.items()):
                    self.used.add(json.dumps(pattern, sort_keys=True))
                    return group["reason"]
        return None

    def unused(self):
        """Patterns that no survivor has matched."""
        every = (json.dumps(pattern, sort_keys=True)
                 for group in self.groups for pattern in group["mutants"])
        return [pattern for pattern in every if pattern not in self.used]


def sort_out(results, equivalent):
    """Give each result its `sort`: killed, equivalent, survived, or none if it was no mutant."""
    for one in results.values():
        if one["fate"] == "not built":
            one["sort"] = "none"
        elif one["fate"] != "survived":
            one["sort"] = "killed"
        else:
            one["reason"] = equivalent.reason(one)
            one["sort"] = "equivalent" if one["reason"] else "survived"


def table(results):
    """The table of the documentation: a row for each module, and one for all."""
    counts = {}
    for one in sorted((one for one in results.values() if one["sort"] != "none"), key=key):
        counts.setdefault(one["module"], Counter())[one["sort"]] += 1
    counts["all"] = sum(counts.values(), Counter())
    lines = ["| module | mutants | equivalent | killed | survived | killed of those not equivalent |",
             "| --- | --- | --- | --- | --- | --- |"]
    for module, row in counts.items():
        real = row["killed"] + row["survived"]
        share = "%.1f %%" % (100 * row["killed"] / real) if real else ""
        numbers = (sum(row.values()), row["equivalent"], row["killed"], row["survived"])
        lines.append("| %s |" % " | ".join([module, *map(str, numbers), share]))
    return "\n".join(lines)


def arguments(about):
    """The options that are the same for every language."""
    options = argparse.ArgumentParser(description=about)
    options.add_argument("--vdi", default="target/release/vdi", help="the command that judges")
    options.add_argument("--every", type=int, default=1, metavar="N", help="each Nth mutant only")
    options.add_argument("--first", type=int, default=0, metavar="K", help="beginning at the Kth")
    options.add_argument("--results", type=Path, metavar="FILE",
                         help="what is judged is kept here, a line for each, and not judged again")
    options.add_argument("--again", action="store_true", help="judge survivors once more")
    options.add_argument("--table", action="store_true", help="judge nothing, tell the results")
    options.add_argument("--least", type=float, metavar="PERCENT", default=0,
                         help="fail if fewer of those not equivalent are killed")
    options.add_argument("more", nargs="*", help="after --: further arguments of `vdi run`")
    return options


def hunt(given, make, judge_one, equivalent):
    """Judge every mutant that was asked for, and tell what came of all; the exit code."""
    results = read_results(given.results)
    for mutant, how in [] if given.table else list(make())[given.first::given.every]:
        before = results.get(key(mutant))
        if before is not None and not (given.again and before["fate"] == "survived"):
            continue
        fate, told = judge_one(mutant, how)
        result = {**mutant, "fate": fate, "told": told}
        results[key(mutant)] = result
        if given.results is not None:
            with given.results.open("a", encoding="utf-8") as file:
                file.write(json.dumps(result) + "\n")
        print("%s: %s.%s: %s -> %s" % (fate, *key(mutant)[:4]), flush=True)
    sort_out(results, equivalent)
    for one in sorted(results.values(), key=key):
        if one["sort"] == "survived":
            print("SURVIVED %s.%s: %s -> %s" % key(one)[:4])
    print(table(results))
    left = Counter(one["sort"] for one in results.values())
    real = left["killed"] + left["survived"]
    if not real or 100 * left["killed"] / real < given.least:
        sys.exit("fewer than %s %% were killed" % given.least)
