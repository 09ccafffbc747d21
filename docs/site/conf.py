"""Sphinx: notebooks as they are, every file of the pages beside them."""

project = "RED-Net, step by step"
copyright = "the redn_lib authors; code under the MIT licence, weights for research and teaching only"
extensions = ["myst_nb"]
html_theme = "furo"
html_title = project
html_static_path = ["_static"]
html_css_files = ["page/site.css"]
html_js_files = ["page/scroll.js"]
exclude_patterns = ["students"]  # to be downloaded
html_copy_source = False
html_show_search_summary = False  # it would need the sources
myst_enable_extensions = ["dollarmath"]
myst_heading_anchors = 3
nb_execution_mode = "off"
nb_merge_streams = True
nb_ipywidgets_js = {}
nb_mime_priority_overrides = [("html", "application/vnd.jupyter.widget-view+json", None)]  # its picture instead
mathjax_path = "mathjax.js"


def give_captions_a_level(app, pagename, templatename, context, doctree) -> None:
    """Captions of the list of pages are headings, whose level a screen reader asks for."""
    tree = context.get("furo_navigation_tree", "")
    context["furo_navigation_tree"] = tree.replace('role="heading"', 'role="heading" aria-level="2"')


def setup(app) -> None:
    app.connect("html-page-context", give_captions_a_level, priority=900)  # after the theme
