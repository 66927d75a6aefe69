"""Thaw's library: fine-tuning experiments from images to an explained verdict, without any user interface."""

import os

__version__ = "0.2.0"

# Libraries that pages import late set these, and native code reads the environment without a lock: while one thread imports scikit-learn
# another that decodes a JPEG can read freed memory and take the whole server down. Set here, while there is one thread.
for _name, _value in (
    ("KMP_DUPLICATE_LIB_OK", "True"),
    ("KMP_INIT_AT_FORK", "FALSE"),
    ("MLFLOW_DISABLE_TELEMETRY", "true"),
):
    os.environ.setdefault(_name, _value)
