"""Types that pydantic has of our schemas hold what is really said, and say it again:
generated.py FOLDER-OF-SCHEMAS WORK [SCHEMA DOCUMENT]…, of which a document may be JSON Lines."""

import importlib
import json
import subprocess
import sys
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

schemas, work, pairs = Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3:]
sys.path.insert(0, str(work))

for name, path in zip(pairs[::2], pairs[1::2], strict=True):
    module = name.replace("-", "_")
    title = json.loads((schemas / f"{name}.v1.json").read_text())["title"]
    subprocess.run(
        [Path(sys.executable).parent / "datamodel-codegen", "--input", schemas / f"{name}.v1.json",
         "--input-file-type", "jsonschema", "--output-model-type", "pydantic_v2.BaseModel",
         "--class-name", title, "--enum-field-as-literal", "all", "--formatters", "builtin",
         "--disable-warnings", "--disable-timestamp", "--output", work / f"{module}.py"],
        check=True, stderr=subprocess.DEVNULL)
    held = TypeAdapter(getattr(importlib.import_module(module), title))
    text = Path(path).read_text()
    lines = [text] if path.endswith(".json") else text.splitlines()
    for line in lines:
        value = held.validate_json(line)
        again = json.loads(held.dump_json(value, by_alias=True, exclude_unset=True))
        assert again == json.loads(line), f"{path}: {line}\nbecomes {json.dumps(again)}"
    for wrong in ['{"op": "nonsense"}', "[]"]:
        try:
            held.validate_json(wrong)
        except ValidationError:
            continue
        raise AssertionError(f"{name}: {wrong} is one of {title}")
    print(f"{path}: {len(lines)} lines as {title}, and the same again")
