"""How Sphinx builds the site: ``make docs``. Why Sphinx: it reads docstrings and checks every cross-reference."""

from __future__ import annotations

import sys
from importlib import metadata
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))

from generated_pages import write_generated_pages  # noqa: E402

write_generated_pages(HERE)

project = "Sketchseek"
author = "the Sketchseek authors"
release = metadata.version("sketchseek")

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx_copybutton"]
exclude_patterns = ["reference/tables"]  # parts of pages, which include them

myst_enable_extensions = ["colon_fence", "deflist"]
myst_heading_anchors = 3
copybutton_prompt_text = "$ "
copybutton_only_copy_prompt_lines = True

default_role = "literal"  # docstrings write `name` for code now and then
autodoc_member_order = "bysource"
autodoc_typehints = "signature"
smartquotes = False  # they would make a dash of --option
# There is no network to read other projects' inventories from: only our own names must resolve.
nitpick_ignore_regex = [("py:.*", r"(?!sketchseek\b).*")]

html_theme = "furo"
html_title = "Sketchseek"
html_copy_source = False
html_show_copyright = False
