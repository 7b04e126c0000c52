"""A project's module that does not import."""

import a_package_that_nobody_has  # type: ignore[import-not-found]

define = a_package_that_nobody_has.define
