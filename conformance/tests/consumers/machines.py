"""The commands by which a campaign runs on several machines do what the page on campaigns says:
machines.py PAGE VDI FOLDER. Every one of them is taken from the page, with fewer seeds: GNU
parallel's line as it stands, the Slurm array's script once for each task, the command of the
Kubernetes Job once for each index, its manifest held to Kubernetes' schema. All of them come to
what one machine comes to."""

import os
import re
import subprocess
import sys
from pathlib import Path

import kubernetes_validate
import yaml

page, vdi, folder = Path(sys.argv[1]).read_text(), Path(sys.argv[2]).resolve(), Path(sys.argv[3])
SEEDS = "0..400"
blocks = re.findall(r"^```(\w+)\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)
environment = {**os.environ, "PATH": f"{vdi.parent}:{os.environ['PATH']}"}


def block(kind: str, mark: str) -> str:
    """The one block of this kind in which this stands, with fewer seeds."""
    found = [text for named, text in blocks if named == kind and mark in text]
    assert len(found) == 1, f"{len(found)} blocks of {kind} with {mark}"
    assert "0..1000000" in found[0], found[0]
    return found[0].replace("0..1000000", SEEDS)


def run(place: str, script: str, **more: str) -> None:
    (folder / place).mkdir(parents=True, exist_ok=True)
    subprocess.run(["sh", "-ec", script], cwd=folder / place, env=environment | more, check=True,
                   stdout=subprocess.DEVNULL)


def merged(place: str) -> str:
    parts = sorted(path.name for path in (folder / place).glob("*.json"))
    assert len(parts) > 1, place
    told = subprocess.run([vdi, "merge", *parts], cwd=folder / place, check=True, text=True,
                          capture_output=True).stdout
    print(f"{place}: {len(parts)} results, {told.splitlines()[-1]}")
    return below(told)


def below(told: str) -> str:
    """What is told below the line that names the shards."""
    return told.split("\n", 1)[1]


line = next(line for line in block("sh", "parallel vdi").splitlines() if line.startswith("parallel"))
run("parallel", line)

array = block("sh", "#SBATCH")
first, last = map(int, re.search(r"--array=(\d+)-(\d+)", array).groups())
for task in range(first, last + 1):
    run("slurm", array, SLURM_ARRAY_TASK_ID=str(task), SLURM_ARRAY_TASK_COUNT=str(last - first + 1),
        SLURM_CPUS_PER_TASK="1")

job = yaml.safe_load(block("yaml", "kind: Job"))
version = kubernetes_validate.validate(job, "1.29", strict=True)
try:
    kubernetes_validate.validate(job | {"spec": job["spec"] | {"parallelsm": 4}}, "1.29", strict=True)
except kubernetes_validate.ValidationError:
    pass
else:
    raise AssertionError("a misspelt field is in order")
[worker] = job["spec"]["template"]["spec"]["containers"]
[shell, option, command] = worker["command"]
assert [shell, option] == ["sh", "-c"], worker
out = folder / "kubernetes"
for index in range(job["spec"]["completions"]):
    run("kubernetes", command.replace("/out/", f"{out.resolve()}/"), JOB_COMPLETION_INDEX=str(index))
print(f"the manifest is one of Kubernetes {version}")

alone = subprocess.run([vdi, "simulate", "--seeds", SEEDS], check=True, text=True, capture_output=True)
told = {place: merged(place) for place in ["parallel", "slurm", "kubernetes"]}
assert set(told.values()) == {below(alone.stdout)}, told
print("all of them say what one machine says")
