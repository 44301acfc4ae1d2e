"""A report as JUnit XML agrees with the exit code of its run, as junitparser reads it:
junit.py REPORT EXIT-CODE."""

import sys

from junitparser import JUnitXml

path, code = sys.argv[1], int(sys.argv[2])
suites = list(JUnitXml.fromfile(path))
cases = [case for suite in suites for case in suite]
bad = sum(1 for case in cases if case.is_failure or case.is_error)
names = [suite.name for suite in suites]
assert all(names) and len(set(names)) == len(names), names
assert cases and all(case.time is not None for case in cases), "a case without a time"
assert (bad > 0) == (code != 0), f"{bad} of {len(cases)} fail, exit code {code}"
print(f"{path}: {len(suites)} suites, {len(cases)} cases, {bad} fail, exit code {code}")
