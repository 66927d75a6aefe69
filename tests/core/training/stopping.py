"""A listener that asks for a stop at a moment that a test chooses."""

from core.training.events import Silent


class StopsAfter(Silent):
    """Asks to stop when it was asked so many times."""

    def __init__(self, times: int):
        self.left = times

    def stop_requested(self) -> bool:
        self.left -= 1
        return self.left < 0
