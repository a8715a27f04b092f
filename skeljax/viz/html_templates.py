"""Renders the Jinja templates of the HTML pages; every inserted text is escaped by default."""

from __future__ import annotations

import base64
import functools
import hashlib
import importlib.resources

import jinja2
from markupsafe import Markup

from skeljax import __version__


def render(package: str, name: str, *, script: str, **values) -> str:
    """Renders a template of a package.

    Args:
        package: dotted name of the package that holds the template.
        name: file name of the template.
        script: the only script that the content security policy of the page allows.
        values: further variables of the template.
    """
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    return _environment(package).get_template(name).render(
        script=Markup(script), script_sha256=digest, version=__version__, **values
    )


def read(package: str, *path: str) -> str:
    """Returns the text of a file of a package."""
    return importlib.resources.files(package).joinpath(*path).read_text('utf-8')


@functools.cache
def _environment(package: str) -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.FunctionLoader(lambda name: read(package, name)),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    # Compact JSON in the order of the keys; `tojson` escapes `<`, which could end a script.
    environment.policies['json.dumps_kwargs'] = {'separators': (',', ':')}
    environment.filters['type_name'] = lambda value: type(value).__name__
    return environment
