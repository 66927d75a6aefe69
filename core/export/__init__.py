"""What can be taken away from a run: a plain Keras script, a notebook, the images, a report."""

from core.export.bundle import bundle
from core.export.code import notebook, script
from core.export.images import images_zip
from core.export.report import Side, report

__all__ = ["Side", "bundle", "images_zip", "notebook", "report", "script"]
