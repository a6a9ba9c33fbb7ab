"""The audit page: report/index.html, one file made of audit.json alone, without scripts that it would need."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import resources
from typing import Any

import yaml
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from pile_builder.audit.page import charts, flow_chart, mixture_charts, words

__all__ = ["render_page"]

_PACKAGE = "pile_builder.audit.page"


def render_page(audit: Mapping[str, Any]) -> str:
    """The page as HTML. Whatever comes from the data is escaped; styles and drawings are inside."""
    environment = Environment(
        loader=PackageLoader("pile_builder.audit", "page/templates"),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_visible,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(words.FILTERS)
    for module in (charts, flow_chart, mixture_charts):
        environment.globals.update({name: getattr(module, name) for name in module.CHARTS})
    environment.globals.update({name: Markup(_file(f"page.{name}")) for name in ("css", "js")})
    manifest = yaml.safe_dump(audit["made"]["manifest"], sort_keys=False, allow_unicode=True, width=100)
    return environment.get_template("page.html").render(**audit, manifest_text=manifest)


def _visible(value: Any) -> Any:
    """Every string that a template writes, its control characters made visible; what is markup stays as it is."""
    return words.plain(value) if isinstance(value, str) and not isinstance(value, Markup) else value


def _file(name: str) -> str:
    return resources.files(_PACKAGE).joinpath("templates", name).read_text(encoding="utf-8")
