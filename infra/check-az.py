#!/usr/bin/env python3
"""Puts every `az` line of the documents before the real `az`, without Azure. Those of the scripts are
recorded as they arrive, by the tests of the package, and parsed by `tests/package/check_calls.py`.

    infra/check-az.py [AZ]

AZ is the command to run, `az` if left out. With an empty configuration a line with good arguments
ends with exit code 1, asking for a sign-in, and one with an unknown command, argument or value with 2.
"""

import concurrent.futures
import json
import os
import pathlib
import re
import shlex
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent
FILES = ["README.md", "SECURITY.md", "docs/identities.md", "infra/README.md"]
DEFAULTS = {"string": "", "int": 0, "bool": False, "array": [], "object": {}}
# What `az` says when all that is missing is somebody who signed in.
SIGN_IN = ("az login", "doesn't exist in cloud")
# What stands in for a variable; `az` looks into files that are named with `@`.
IDENTITY = "/subscriptions/word/resourceGroups/word/providers/Microsoft.ManagedIdentity/userAssignedIdentities/word"
VARIABLES = {
    "control_plane": IDENTITY,
    "kubelet": IDENTITY,
    "parameters": "infra/parameters.json",
    "events": "infra/events.parameters.json",
    "installation": r'{\"installation\": {\"value\": {}}}',
}


def script(path):
    """The shell lines of a file, those that go on joined."""
    text = (ROOT / path).read_text()
    # A block below a step of a list is indented.
    blocks = re.findall(r"^ *```sh\n(.*?)^ *```", text, re.M | re.S)
    # What tables tell people to run; a command that is only named has no option.
    cells = re.findall(r"`(az [^`]* --[^`]*)`", "\n".join(re.findall(r"^\|.*", text, re.M)))
    text = "\n".join(blocks + [cell.replace("\\|", "|") for cell in cells])
    lines = text.replace("\\\n", " ").split("\n")
    return [line for line in lines if not line.lstrip().startswith("#")]


def command(text):
    """What stands before the command's end, with a word for each `$(...)` and variable in it."""
    out, quote, at = "", "", 0
    while at < len(text):
        c = text[at]
        if c == "\\":
            out += text[at : at + 2]
            at += 2
        elif text.startswith("$(", at) and quote != "'":
            depth, at = 1, at + 2
            while depth:
                depth += {"(": 1, ")": -1}.get(text[at], 0)
                at += 1
            out += "word"
        elif c == "$" and quote != "'":
            name = re.match(r"\$\{?(\w+)[^}\s\"']*\}?", text[at:])
            out += VARIABLES.get(name.group(1), "word")
            at += len(name.group(0))
        elif c in "\"'" and quote in ("", c):
            quote = "" if quote else c
            out += c
            at += 1
        elif not quote and (c in ";|&)>" or text.startswith(" #", at)):
            break
        else:
            out += c
            at += 1
    return out


def commands():
    found = {}
    for path in FILES:
        for line in script(path):
            for start in re.finditer(r"(?:^|[\s(])(az )", line):
                words = shlex.split(command(line[start.start(1) :]))
                # The compiler is not in any package registry: `az bicep` would fetch it.
                if words[1] == "bicep":
                    continue
                # xargs adds what it reads.
                words += ["word"] if "xargs" in line[: start.start()] else []
                found.setdefault(tuple(words[1:]), path)
    return found


def stand_in(bicep, folder):
    """A template with the parameters of a Bicep file: `az` would first fetch the compiler for that."""
    kinds = re.findall(r"^param (\w+) ([^\s=]+)", (ROOT / bicep).read_text(), re.M)
    plain = lambda kind: "array" if kind.endswith("[]") else kind if kind in DEFAULTS else "object"
    kinds = [(name, plain(kind)) for name, kind in kinds]
    template = {
        "$schema": "https://schema.management.azure.com/schemas/2018-05-01/subscriptionDeploymentTemplate.json#",
        "contentVersion": "1.0.0.0",
        "parameters": {name: {"type": kind, "defaultValue": DEFAULTS[kind]} for name, kind in kinds},
        "resources": [],
    }
    path = pathlib.Path(folder) / (pathlib.Path(bicep).stem + ".json")
    path.write_text(json.dumps(template))
    return str(path)


def check(az, words):
    with tempfile.TemporaryDirectory() as empty, tempfile.TemporaryDirectory() as folder:
        words = [stand_in(word, folder) if word.endswith(".bicep") else word for word in words]
        environment = {**os.environ, "AZURE_CONFIG_DIR": empty, "AZURE_CORE_COLLECT_TELEMETRY": "false"}
        ended = subprocess.run([az, *words], cwd=ROOT, env=environment, capture_output=True, text=True, stdin=subprocess.DEVNULL)
    is_good = ended.returncode == 1 and any(words in ended.stderr for words in SIGN_IN)
    return is_good, ended.returncode, ended.stderr.strip()


def main():
    az = sys.argv[1] if len(sys.argv) > 1 else "az"
    # Every line is run in the root, and a path is meant from where the command was given.
    az = os.path.abspath(az) if os.sep in az else az
    found, bad = commands(), 0
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        ended = pool.map(lambda words: check(az, words), found)
        for (words, path), (is_good, code, error) in zip(found.items(), ended):
            bad += not is_good
            print("ok   " if is_good else f"BAD {code}", f"{path}: az {shlex.join(words)[:150]}")
            if not is_good:
                print(f"      {error[-800:]}")
    print(f"{len(found) - bad} passed, {bad} failed")
    sys.exit(bad > 0 or not found)


main()
