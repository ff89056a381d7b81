"""Commands of the repository that are no modules of the package, loaded to be tried in this process."""

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

_FOLDER = Path(__file__).parents[3] / "scripts"


def script(name: str) -> ModuleType:
    """`scripts/NAME.py`, which finds the others there as it does when it is run."""
    if str(_FOLDER) not in sys.path:
        sys.path.append(str(_FOLDER))
    spec = importlib.util.spec_from_file_location(name, _FOLDER / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module
