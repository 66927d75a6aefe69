"""Errors whose text is written for the person in front of the screen."""


class ThawError(Exception):
    """Something a person can act on; the text says what was received and what to do."""


class DataError(ThawError):
    """Images, archives or folders that cannot be used as they are."""


class WeightsError(ThawError):
    """Pretrained weights that cannot be had or do not fit the model."""


class ExperimentError(ThawError):
    """An experiment that cannot be trained as it is described."""


class StorageError(ThawError):
    """A disk that has no room for what must be written."""


class StoreError(ThawError):
    """A run store that does not answer or cannot be read."""


class RunError(ThawError):
    """A run that does not exist, or cannot do what was asked of it."""


class EngineError(ThawError):
    """The workers that train cannot be reached or did not answer."""


class HistoryError(ThawError):
    """A training history that cannot be read or diagnosed."""
