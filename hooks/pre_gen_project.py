# Cookiecutter renders this hook.
"""Sets aside the files that an app already has where a part that was not chosen would go.

With `--overwrite-if-exists` cookiecutter renders over the files of an app. Those of parts that were
not chosen are removed afterwards; what stood in their places before belongs to the app's owner.
"""

import json
from pathlib import Path

UNCHOSEN = json.loads(r"""<<cookiecutter | unchosen | tojson>>""")
ASIDE = ".kept-aside"


if __name__ == "__main__":
    for path in map(Path, UNCHOSEN):
        aside = path.with_name(path.name + ASIDE)
        # Where one is there already, rendering failed after an earlier run: the owner's is that.
        if (path.is_file() or path.is_symlink()) and not aside.exists():
            path.rename(aside)
