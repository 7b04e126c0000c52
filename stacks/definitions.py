"""Find the functions with which projects declare themselves."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Sequence

from mlplatform.config import PlatformConfigError, ProjectConfig
from mlplatform.project import MlProject

Definition = Callable[[MlProject], None]


def load_definitions(projects: Sequence[ProjectConfig]) -> dict[str, Definition]:
    """Import `package.module:function` of every project.

    An error inside a project's own module is raised as it is: its traceback belongs to the project.

    Raises:
        PlatformConfigError: modules or functions that do not exist; all are listed.
    """
    definitions: dict[str, Definition] = {}
    problems = []
    for project in projects:
        found = _find(project)
        if isinstance(found, str):
            problems.append(f"definition {project.definition!r} of project {project.name!r}: {found}")
        else:
            definitions[project.name] = found
    if problems:
        raise PlatformConfigError(problems)
    return definitions


def _find(project: ProjectConfig) -> Definition | str:
    module_name, _, function_name = project.definition.partition(":")
    try:
        module = importlib.import_module(module_name)
    except ModuleNotFoundError as error:
        if error.name is None or not f"{module_name}.".startswith(f"{error.name}."):
            raise
        return f"there is no module {error.name!r}; check the name, or install the package that holds it"
    function = getattr(module, function_name, None)
    if function is None:
        return f"module {module_name!r} has no {function_name!r}; define it as a function that takes an MlProject"
    if not callable(function):
        return f"{function_name!r} in {module_name!r} is a {type(function).__name__}; make it a function"
    definition: Definition = function
    return definition
