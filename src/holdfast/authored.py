"""Python files of an author (scenarios, journeys, adapters), imported by path: a module, or what is wrong and where."""

import importlib.util
import sys
import traceback
from pathlib import Path
from types import ModuleType

from holdfast.errors import InputError, Problem, shown


def import_file(path: Path, module_name: str) -> ModuleType:
    """Run the file as a module. Raises InputError with the line of it that could not be run."""
    spec = importlib.util.spec_from_file_location(module_name, path)
    if spec is None or spec.loader is None or not path.is_file():
        raise InputError(Problem(shown(path), "there is no such Python file", "create it, or correct the path"))
    module = importlib.util.module_from_spec(spec)
    sys.modules[module_name] = module  # dataclasses and pickles of the file look for it there
    try:
        spec.loader.exec_module(module)
    except KeyboardInterrupt:  # may be a Ctrl-C
        raise
    except BaseException as error:  # whatever the author's file raises is the author's to see, a sys.exit() too
        del sys.modules[module_name]
        what = f"cannot be imported: {type(error).__name__}: {_said(error)}"
        fix = "install what it needs here, or correct the name" if isinstance(error, ImportError) else "correct it"
        raise InputError(Problem(place_in(path, error), what, fix)) from error
    return module


def _said(error: BaseException) -> str:
    """Its message. Where holdfast is installed here is left out: the module is named, and its file is no help."""
    path = getattr(error, "path", None) if isinstance(error, ImportError) else None
    return str(error).replace(f" ({path})", "") if path else str(error)


def place_in(path: Path, error: BaseException) -> str:
    """Where in an author's file an error arose: file and line, or the file alone when it arose elsewhere."""
    if isinstance(error, SyntaxError) and error.filename in {str(path), path.name}:
        return f"{shown(path)}:{error.lineno}" if error.lineno else shown(path)
    own = [line for frame, line in traceback.walk_tb(error.__traceback__) if frame.f_code.co_filename == str(path)]
    return f"{shown(path)}:{own[-1]}" if own else shown(path)
