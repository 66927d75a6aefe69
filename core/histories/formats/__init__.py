"""The formats, each a small reader in a file of its own; tried in this order, the generic ones last."""

from core.histories.formats import (
    boosting,
    caffe,
    darknet,
    html_table,
    json_file,
    json_lines,
    keras_console,
    mlflow_metric,
    name_lists,
    notebook,
    numbers,
    printed,
    table,
    tensorboard_export,
    ultralytics_console,
    unnamed,
    yaml_file,
)
from core.histories.formats.base import Reader

READERS: tuple[Reader, ...] = (
    notebook.READER,
    json_file.READER,
    json_lines.READER,
    keras_console.READER,
    ultralytics_console.READER,
    caffe.READER,
    darknet.READER,
    boosting.READER,
    mlflow_metric.READER,
    tensorboard_export.READER,
    numbers.READER,
    html_table.READER,
    yaml_file.READER,
    name_lists.READER,
    table.READER,
    printed.READER,
    unnamed.READER,
)
