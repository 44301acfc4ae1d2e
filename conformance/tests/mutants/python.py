#!/usr/bin/env python3
"""Mutants of the Python adapter that nobody chose: cosmic-ray makes them, `vdi run` judges.

    python.py                                all of them: hours
    python.py --every 20                     each twentieth
    python.py --results FILE --table         what has been judged, as the table of the docs

Needs cosmic-ray (requirements.txt).  Each mutant is a copy of conformance/adapters/python with
one thing changed; it is killed if `vdi run --adapter` does not exit with 0.
"""

import ast
import difflib
import os
import shutil
import tempfile
from collections import Counter
from pathlib import Path

from judging import HERE, TOP, Equivalent, arguments, hunt, judge, key

ADAPTER = TOP / "conformance" / "adapters" / "python"

# What the adapter is made of; its tests, their dialogue and the backup client are no part of it.
MODULES = ("calls", "lanes", "monitor", "scenario", "tiny_vdi", "vdi", "vdi_buffers",
           "vdi_client", "vdi_codes", "vdi_config", "vdi_server")


def functions(source):
    """The qualified name of what each line is in, by the number of the line."""
    names = {}

    def walk(node, inside):
        for child in ast.iter_child_nodes(node):
            if not isinstance(child, (ast.FunctionDef, ast.ClassDef)):
                walk(child, inside)
                continue
            name = inside + [child.name]
            first = min([child.lineno] + [one.lineno for one in child.decorator_list])
            for line in range(first, child.end_lineno + 1):
                names[line] = ".".join(name)
            walk(child, name)

    walk(ast.parse(source), [])
    return names


def change(before, after):
    """The lines that a mutant lacks and those it has instead, each as one text."""
    lines = [line for line in difflib.ndiff(before.splitlines(), after.splitlines())
             if line[:2] in ("- ", "+ ")]
    return tuple(" ".join(line[2:].strip() for line in lines if line[0] == sign)
                 for sign in "-+")


def mutants(module):
    """Every mutant of a module and its source, in an order that is always the same."""
    from cosmic_ray import plugins
    from cosmic_ray.ast import ast_nodes, get_ast
    from cosmic_ray.mutating import mutate_code
    source = (ADAPTER / (module + ".py")).read_text(encoding="utf-8")
    names = functions(source)
    seen = {ast.dump(ast.parse(source))}
    alike = Counter()
    for operator_name in sorted(plugins.operator_names()):
        kind = plugins.get_operator(operator_name)
        if kind.arguments():
            continue
        places = [start for node in ast_nodes(get_ast(source))
                  for start, _ in kind().mutation_positions(node)]
        for occurrence, (line, _) in enumerate(places):
            made = mutate_code(source, kind(), occurrence)
            try:
                meaning = ast.dump(ast.parse(made))
            except SyntaxError:
                # A mutant that no compiler takes is none.
                continue
            # Two operators may make the same, or nothing at all.
            if meaning in seen:
                continue
            seen.add(meaning)
            old, new = change(source, made)
            mutant = {"module": module, "in": names.get(line, ""), "old": old, "new": new,
                      "operator": operator_name.partition("/")[2]}
            alike[key(mutant)] += 1
            mutant["number"] = alike[key(mutant)]
            yield mutant, made


def judged(vdi, module, source, more):
    """What becomes of one mutant."""
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / "python"
        shutil.copytree(ADAPTER, copy, ignore=shutil.ignore_patterns("__pycache__", "test_*"))
        (copy / (module + ".py")).write_text(source, encoding="utf-8")
        # Compiled files are told apart by seconds and sizes, which mutants share.
        environment = dict(os.environ, PYTHONDONTWRITEBYTECODE="1")
        return judge(vdi, "python3 %s" % (copy / "tiny_vdi.py"), more, environment)


def main():
    """Judge the mutants that were asked for."""
    options = arguments(__doc__.partition("\n")[0])
    options.add_argument("--module", action="append", choices=MODULES, help="only this one")
    given = options.parse_args()
    hunt(given, lambda: (one for module in given.module or MODULES for one in mutants(module)),
         lambda mutant, source: judged(given.vdi, mutant["module"], source, given.more),
         Equivalent(HERE / "equivalent-python.json"))


if __name__ == "__main__":
    main()
